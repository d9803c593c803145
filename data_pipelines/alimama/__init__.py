"""Alimama: display advertisements on Taobao, clicked or not, and what their users did before."""
