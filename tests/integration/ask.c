/* Asks an exported SavedModel through TensorFlow's C API, without Python.
 *
 *   ask FOLDER OUTPUT [INPUT TYPE SHAPE VALUE ...] ...
 *
 * Inputs and the output are names of tensors in the graph, as a signature gives them. TYPE is
 * string, int64, int32 or float; SHAPE is "scalar" or sizes with "x" between them, such as 1x3, and
 * says how many values follow. Inputs that are not named keep their defaults. Prints one value of
 * the output a line; exits with 1 and TensorFlow's message where it refuses. */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensorflow/c/c_api.h"
#include "tensorflow/c/tf_tstring.h"

#define MAX_INPUTS 32
#define MAX_RANK 8

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

static TF_DataType type_of(const char *name) {
  if (strcmp(name, "string") == 0) return TF_STRING;
  if (strcmp(name, "int64") == 0) return TF_INT64;
  if (strcmp(name, "int32") == 0) return TF_INT32;
  if (strcmp(name, "float") == 0) return TF_FLOAT;
  fprintf(stderr, "there is no type %s\n", name);
  exit(2);
}

/* Reads "2x3" into sizes; returns how many there are. */
static int read_shape(char *text, int64_t *sizes) {
  int rank = 0;
  if (strcmp(text, "scalar") == 0) return 0;
  while (rank < MAX_RANK) {
    sizes[rank++] = strtoll(text, &text, 10);
    if (*text++ != 'x') break;
  }
  return rank;
}

static TF_Tensor *make_tensor(TF_DataType type, const int64_t *sizes, int rank, int64_t count,
                              char **values) {
  size_t width = type == TF_STRING ? sizeof(TF_TString) : TF_DataTypeSize(type);
  TF_Tensor *tensor = TF_AllocateTensor(type, sizes, rank, width * count);
  void *data = TF_TensorData(tensor);
  for (int64_t i = 0; i < count; i++) {
    if (type == TF_STRING) {
      TF_TString *text = (TF_TString *)data + i;
      TF_TString_Init(text);
      TF_TString_Copy(text, values[i], strlen(values[i]));
    } else if (type == TF_INT64) {
      ((int64_t *)data)[i] = strtoll(values[i], NULL, 10);
    } else if (type == TF_INT32) {
      ((int32_t *)data)[i] = atoi(values[i]);
    } else {
      ((float *)data)[i] = strtof(values[i], NULL);
    }
  }
  return tensor;
}

static void print_value(const TF_Tensor *tensor, int64_t i) {
  const void *data = TF_TensorData(tensor);
  if (TF_TensorType(tensor) == TF_STRING) {
    const TF_TString *text = (const TF_TString *)data + i;
    printf("%.*s\n", (int)TF_TString_GetSize(text), TF_TString_GetDataPointer(text));
  } else if (TF_TensorType(tensor) == TF_FLOAT) {
    printf("%.9g\n", ((const float *)data)[i]);
  } else {
    printf("%" PRId64 "\n", ((const int64_t *)data)[i]);
  }
}

int main(int argc, char **argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: ask FOLDER OUTPUT [INPUT TYPE SHAPE VALUE ...] ...\n");
    return 2;
  }
  status = TF_NewStatus();
  TF_Graph *graph = TF_NewGraph();
  TF_SessionOptions *options = TF_NewSessionOptions();
  const char *tags[] = {"serve"};
  TF_Session *session =
      TF_LoadSessionFromSavedModel(options, NULL, argv[1], tags, 1, graph, NULL, status);
  stop_on_error("the SavedModel cannot be loaded");

  TF_Output output = find(graph, argv[2]);
  TF_Output inputs[MAX_INPUTS];
  TF_Tensor *values[MAX_INPUTS];
  int num_inputs = 0;
  for (int place = 3; place + 2 < argc && num_inputs < MAX_INPUTS; num_inputs++) {
    int64_t sizes[MAX_RANK], count = 1;
    int rank = read_shape(argv[place + 2], sizes);
    for (int axis = 0; axis < rank; axis++) count *= sizes[axis];
    if (place + 3 + count > argc) {
      fprintf(stderr, "%s has fewer values than its shape\n", argv[place]);
      return 2;
    }
    inputs[num_inputs] = find(graph, argv[place]);
    values[num_inputs] =
        make_tensor(type_of(argv[place + 1]), sizes, rank, count, argv + place + 3);
    place += 3 + (int)count;
  }
  TF_Tensor *answer = NULL;
  TF_SessionRun(session, NULL, inputs, values, num_inputs, &output, &answer, 1, NULL, 0, NULL,
                status);
  stop_on_error("the request was refused");
  for (int64_t i = 0; i < TF_TensorElementCount(answer); i++) print_value(answer, i);

  TF_DeleteTensor(answer);
  for (int i = 0; i < num_inputs; i++) TF_DeleteTensor(values[i]);
  TF_CloseSession(session, status);
  TF_DeleteSession(session, status);
  TF_DeleteSessionOptions(options);
  TF_DeleteGraph(graph);
  TF_DeleteStatus(status);
  return 0;
}
