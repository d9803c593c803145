"""Every layer of the search spaces and of hand-made systems; importing registers all for saving."""

from keras_rs.layers import FeatureCross

from amer_tf.layers.additive_attention_pooling import AdditiveAttentionPooling
from amer_tf.layers.attentional_gru import AttentionalGru
from amer_tf.layers.behavior_pooling import LastPooling, RunningSum, SumPooling
from amer_tf.layers.bi_interaction import BiInteraction
from amer_tf.layers.bias import Bias
from amer_tf.layers.bidirectional_gru import BidirectionalGru
from amer_tf.layers.bilinear_attention import BilinearAttention
from amer_tf.layers.bilinear_interaction import BilinearInteraction
from amer_tf.layers.candidates import ACTIVATION_FUNCTIONS, LAYER_FACTORIES, make_layer
from amer_tf.layers.catalog_lookup import CatalogLookup
from amer_tf.layers.choice_block import ChoiceBlock
from amer_tf.layers.cloze_mask import ClozeMask
from amer_tf.layers.compressed_interaction import CompressedInteraction
from amer_tf.layers.constant_scores import ConstantScores
from amer_tf.layers.cross import Cross
from amer_tf.layers.dice import Dice
from amer_tf.layers.empty_history import EmptyHistory
from amer_tf.layers.event_dropout import EventDropout
from amer_tf.layers.factorization_machine import FactorizationMachine
from amer_tf.layers.field_reweighting import FieldReweighting
from amer_tf.layers.fused_dropout import FusedDropout
from amer_tf.layers.fused_embedding import FusedEmbedding
from amer_tf.layers.gated_graph import GatedGraph
from amer_tf.layers.hadamard_products import HadamardProducts
from amer_tf.layers.hashed_cross import HashedCross
from amer_tf.layers.history_match import HistoryMatch
from amer_tf.layers.inner_products import InnerProducts
from amer_tf.layers.item_item_scores import ItemItemScores
from amer_tf.layers.local_activation_unit import LocalActivationUnit
from amer_tf.layers.mask_token import MaskToken
from amer_tf.layers.masked_normalization import MaskedLayerNormalization
from amer_tf.layers.multi_hot_pooling import MultiHotPooling
from amer_tf.layers.newest_steps import NewestSteps
from amer_tf.layers.next_event_loss import NextEventLoss
from amer_tf.layers.number_buckets import NumberBuckets
from amer_tf.layers.padding_mask import PaddingMask
from amer_tf.layers.pick_scores import PickScores
from amer_tf.layers.platt_scaling import PlattScaling
from amer_tf.layers.product_attention import ProductAttention
from amer_tf.layers.recency_position import RecencyPositionEmbedding
from amer_tf.layers.residual_block import ResidualBlock
from amer_tf.layers.self_attention import SelfAttention
from amer_tf.layers.sequence_convolution import SequenceConvolution
from amer_tf.layers.session_bias import SessionBias
from amer_tf.layers.session_division import SessionDivision
from amer_tf.layers.session_graph import SessionGraph
from amer_tf.layers.session_interest import SessionInterest
from amer_tf.layers.squeeze_excitation import SqueezeExcitation
from amer_tf.layers.target_attention import TargetAttention, TargetAttentionPooling
from amer_tf.layers.window_pooling import WindowPooling
from amer_tf.layers.zero import Zero

__all__ = [
    "ACTIVATION_FUNCTIONS",
    "LAYER_FACTORIES",
    "AdditiveAttentionPooling",
    "AttentionalGru",
    "BiInteraction",
    "Bias",
    "BidirectionalGru",
    "BilinearAttention",
    "BilinearInteraction",
    "CatalogLookup",
    "ChoiceBlock",
    "ClozeMask",
    "CompressedInteraction",
    "ConstantScores",
    "Cross",
    "Dice",
    "EmptyHistory",
    "EventDropout",
    "FactorizationMachine",
    "FeatureCross",
    "FieldReweighting",
    "FusedDropout",
    "FusedEmbedding",
    "GatedGraph",
    "HadamardProducts",
    "HashedCross",
    "HistoryMatch",
    "InnerProducts",
    "ItemItemScores",
    "LastPooling",
    "LocalActivationUnit",
    "MaskToken",
    "MaskedLayerNormalization",
    "MultiHotPooling",
    "NewestSteps",
    "NextEventLoss",
    "NumberBuckets",
    "PaddingMask",
    "PickScores",
    "PlattScaling",
    "ProductAttention",
    "RecencyPositionEmbedding",
    "ResidualBlock",
    "RunningSum",
    "SelfAttention",
    "SequenceConvolution",
    "SessionBias",
    "SessionDivision",
    "SessionGraph",
    "SessionInterest",
    "SqueezeExcitation",
    "SumPooling",
    "TargetAttention",
    "TargetAttentionPooling",
    "WindowPooling",
    "Zero",
    "make_layer",
]
