/* What is used of XLA's foreign function interface, version 0. jaxlib has the whole of it
 * (include/xla/ffi/api/c_api.h), under names that change; where fields are does not, within a version. */
#ifndef EPOCHAL_INTERFACE_H
#define EPOCHAL_INTERFACE_H

#include <stddef.h>
#include <stdint.h>

enum { INTERFACE = 0 };

/* What may hang on a call: here, that XLA only asks for the version that the callee is made for. */
typedef struct Extension {
  size_t size;
  int type;
  struct Extension *next;
} Extension;
enum { ASKS_FOR_METADATA = 1 };

typedef struct {
  size_t size;
  Extension *extension;
  int major, minor;
} Version;

typedef struct {
  size_t size;
  Version version;
  uint32_t traits;
  int64_t state;
} Metadata;

typedef struct {
  Extension base;
  Metadata *metadata;
} MetadataExtension;

typedef struct {
  size_t size;
  Extension *extension;
  int type;
  void *data;
  int64_t rank;
  int64_t *shape;
} Array;

typedef struct {
  int type;
  void *value;
} Scalar;

typedef struct {
  size_t size;
  Extension *extension;
  int64_t count;
  int *types;
  Array **arrays;
} Arrays;

typedef struct {
  size_t size;
  Extension *extension;
  int64_t count;
  int *types;
  void **names;
  Scalar **values;
} Attributes;

typedef struct {
  size_t size;
  Extension *extension;
  const void *functions;
  void *context;
  int stage;
  Arrays arguments, results;
  Attributes attributes;
} Call;

/* What a handler gives back: no error. */
typedef void Nothing;

#endif
