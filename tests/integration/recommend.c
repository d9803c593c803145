/* Asks an exported SavedModel for recommendations through TensorFlow's C API, without Python.
 *
 *   recommend FOLDER TYPE HISTORY_INPUT K_INPUT K ITEM_OUTPUT [VALUE ...]
 *
 * TYPE is "string" or "int64", the type of the history; the inputs and the output are names of
 * tensors in the graph, as the signature gives them. All other inputs keep their defaults. Prints
 * one recommended item a line; exits with 1 and TensorFlow's message where it refuses. */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensorflow/c/c_api.h"
#include "tensorflow/c/tf_tstring.h"

static TF_Status *status;

static void stop_on_error(const char *what) {
  if (TF_GetCode(status) != TF_OK) {
    fprintf(stderr, "%s: %s\n", what, TF_Message(status));
    exit(1);
  }
}

static TF_Output find(TF_Graph *graph, const char *tensor) {
  char name[256];
  snprintf(name, sizeof name, "%s", tensor);
  char *colon = strrchr(name, ':');
  int index = 0;
  if (colon != NULL) {
    *colon = '\0';
    index = atoi(colon + 1);
  }
  TF_Output output = {TF_GraphOperationByName(graph, name), index};
  if (output.oper == NULL) {
    fprintf(stderr, "the graph has no operation %s\n", name);
    exit(1);
  }
  return output;
}

/* [1, count], or with a rank of 1 [count]. */
static TF_Tensor *history_tensor(int is_string, int rank, int count, char **values) {
  int64_t shape[2] = {1, count};
  size_t width = is_string ? sizeof(TF_TString) : sizeof(int64_t);
  TF_Tensor *tensor = TF_AllocateTensor(is_string ? TF_STRING : TF_INT64, shape + 2 - rank, rank,
                                        width * count);
  for (int i = 0; i < count; i++) {
    if (is_string) {
      TF_TString *text = (TF_TString *)TF_TensorData(tensor) + i;
      TF_TString_Init(text);
      TF_TString_Copy(text, values[i], strlen(values[i]));
    } else {
      ((int64_t *)TF_TensorData(tensor))[i] = strtoll(values[i], NULL, 10);
    }
  }
  return tensor;
}

int main(int argc, char **argv) {
  if (argc < 7) {
    fprintf(stderr, "usage: recommend FOLDER TYPE HISTORY_INPUT K_INPUT K ITEM_OUTPUT [VALUE ...]\n");
    return 2;
  }
  /* "string/1" sends a history of rank 1, which is wrong. */
  int is_string = strncmp(argv[2], "string", 6) == 0;
  int rank = strstr(argv[2], "/1") != NULL ? 1 : 2;
  status = TF_NewStatus();
  TF_Graph *graph = TF_NewGraph();
  TF_SessionOptions *options = TF_NewSessionOptions();
  const char *tags[] = {"serve"};
  TF_Session *session =
      TF_LoadSessionFromSavedModel(options, NULL, argv[1], tags, 1, graph, NULL, status);
  stop_on_error("the SavedModel cannot be loaded");

  TF_Output inputs[2] = {find(graph, argv[3]), find(graph, argv[4])};
  TF_Output output = find(graph, argv[6]);
  TF_Tensor *values[2] = {
      history_tensor(is_string, rank, argc - 7, argv + 7),
      TF_AllocateTensor(TF_INT32, NULL, 0, sizeof(int32_t)),
  };
  *(int32_t *)TF_TensorData(values[1]) = atoi(argv[5]);
  TF_Tensor *items = NULL;
  TF_SessionRun(session, NULL, inputs, values, 2, &output, &items, 1, NULL, 0, NULL, status);
  stop_on_error("the request was refused");

  for (int64_t i = 0; i < TF_TensorElementCount(items); i++) {
    if (TF_TensorType(items) == TF_STRING) {
      const TF_TString *text = (const TF_TString *)TF_TensorData(items) + i;
      printf("%.*s\n", (int)TF_TString_GetSize(text), TF_TString_GetDataPointer(text));
    } else {
      printf("%" PRId64 "\n", ((const int64_t *)TF_TensorData(items))[i]);
    }
  }
  TF_DeleteTensor(items);
  TF_DeleteTensor(values[0]);
  TF_DeleteTensor(values[1]);
  TF_CloseSession(session, status);
  TF_DeleteSession(session, status);
  TF_DeleteSessionOptions(options);
  TF_DeleteGraph(graph);
  TF_DeleteStatus(status);
  return 0;
}
