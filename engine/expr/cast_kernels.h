// The kernels (functions over columns) in the table of CAST. Used only by the source files in this
// folder.
#pragma once
#include "engine/functions/kernel.h"
#include "engine/types/type.h"

namespace engine {

struct CastRow {
  TypeKind from, to;
  Kernel kernel;
  bool can_fail;
};

// The following kernels are in cast_number.cc.
void cast_integer_to_bigint(KernelCall& call);
void cast_integer_to_decimal(KernelCall& call);
void cast_integer_to_double(KernelCall& call);
void cast_bigint_to_integer(KernelCall& call);
void cast_bigint_to_decimal(KernelCall& call);
void cast_bigint_to_double(KernelCall& call);
void cast_decimal_to_integer(KernelCall& call);
void cast_decimal_to_bigint(KernelCall& call);
void cast_decimal_to_decimal(KernelCall& call);
void cast_decimal_to_double(KernelCall& call);
void cast_double_to_integer(KernelCall& call);
void cast_double_to_bigint(KernelCall& call);
void cast_double_to_decimal(KernelCall& call);

// The following kernels are in cast_text.cc.
void cast_boolean_to_text(KernelCall& call);
void cast_integer_to_text(KernelCall& call);
void cast_bigint_to_text(KernelCall& call);
void cast_decimal_to_text(KernelCall& call);
void cast_double_to_text(KernelCall& call);
void cast_text_to_boolean(KernelCall& call);
void cast_text_to_integer(KernelCall& call);
void cast_text_to_bigint(KernelCall& call);
void cast_text_to_decimal(KernelCall& call);
void cast_text_to_double(KernelCall& call);
void cast_text_to_bytes(KernelCall& call);
// Parses a text in bytea's notation, hexadecimal or escaped. Fails with InvalidText.
Result<std::string> text_bytes_of_postgres(std::string_view text);

// The following kernels are in cast_time.cc.
void cast_text_to_date(KernelCall& call);
void cast_text_to_time(KernelCall& call);
void cast_text_to_timestamp(KernelCall& call);
void cast_date_to_text(KernelCall& call);
void cast_date_to_timestamp(KernelCall& call);
void cast_time_to_text(KernelCall& call);
void cast_timestamp_to_text(KernelCall& call);
void cast_timestamp_to_date(KernelCall& call);
void cast_timestamp_to_time(KernelCall& call);

// The following kernels are in cast_nested.cc.
void cast_nested_to_text(KernelCall& call);
void cast_array(KernelCall& call);
void cast_map(KernelCall& call);
void cast_struct(KernelCall& call);

}  // namespace engine
