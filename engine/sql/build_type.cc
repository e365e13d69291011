#include <algorithm>

#include "engine/sql/build.h"

namespace engine {
namespace {

struct ScalarName {
  std::string_view name;
  TypeKind kind;
};

constexpr ScalarName kScalarNames[] = {
    {"BOOLEAN", TypeKind::Boolean},     {"INTEGER", TypeKind::Integer},
    {"INT", TypeKind::Integer},         {"BIGINT", TypeKind::Bigint},
    {"DOUBLE", TypeKind::Double},       {"STRING", TypeKind::String},
    {"VARCHAR", TypeKind::String},      {"BYTES", TypeKind::Bytes},
    {"DATE", TypeKind::Date},           {"TIME", TypeKind::Time},
    {"TIMESTAMP", TypeKind::Timestamp},
};

Error decimal_error(const antlr4::ParserRuleContext& context, std::string message) {
  return Error{ErrorCode::InvalidParameter, std::move(message)}.at(position_of(context));
}

// Sets precision and scale from (p, s).
Status read_precision(P::TypeContext& context, TypeName& type) {
  const std::vector<P::TypeParameterContext*> parameters = context.typeParameter();
  const bool are_numbers =
      std::ranges::all_of(parameters, [](auto* p) { return p->INTEGER_VALUE() != nullptr; });
  if (parameters.empty() || parameters.size() > 2 || !are_numbers)
    return decimal_error(context,
                         "DECIMAL needs a precision and a scale, for example DECIMAL(10, 2)");
  const int64_t precision = TRY(build_integer(*parameters[0]->start));
  // As in PostgreSQL, NUMERIC(10) has no digits after the point.
  const int64_t scale = parameters.size() == 1 ? 0 : TRY(build_integer(*parameters[1]->start));
  if (precision < 1) return decimal_error(context, "DECIMAL precision must be >= 1");
  if (precision < scale) return decimal_error(context, "DECIMAL precision must be >= scale");
  if (precision > kMaxDecimalPrecision)
    return Error{ErrorCode::NotSupported, "a DECIMAL of more than 38 digits is not supported yet"}
        .with_hint("Use DECIMAL(38, s) with a scale s, or VARCHAR for longer numbers.")
        .at(position_of(context));
  type.precision = static_cast<int>(precision);
  type.scale = static_cast<int>(scale);
  return {};
}

// Sets the number of VARCHAR(20), TIMESTAMP(3) and similar types.
Status read_number(P::TypeContext& context, TypeName& type) {
  const std::vector<P::TypeParameterContext*> parameters = context.typeParameter();
  if (parameters.size() != 1 || !parameters.front()->INTEGER_VALUE()) return {};
  constexpr int64_t kMost = 10'485'760;  // PostgreSQL's longest VARCHAR(n)
  type.precision =
      static_cast<int>(std::min(TRY(build_integer(*parameters.front()->start)), kMost));
  type.scale = 1;
  return {};
}

Result<TypeName> build_named_type(P::TypeContext& context) {
  const Name name = build_name(*context.name);
  TypeName type{.position = position_of(context)};
  if (name.quoting == Quoting::None) {
    const auto scalar = std::ranges::find(kScalarNames, name.text, &ScalarName::name);
    if (scalar != std::end(kScalarNames)) {
      type.kind = scalar->kind;
      // VARCHAR with anything in brackets is PostgreSQL's type, too, and not the dialect's text.
      if (type.kind == TypeKind::String && !context.typeParameter().empty()) type.precision = 1;
      TRY(read_number(context, type));
      return type;
    }
    if (name == "DECIMAL" || name == "DEC") {
      type.kind = TypeKind::Decimal;
      TRY(read_precision(context, type));
      return type;
    }
  }
  // "char" in quotes is PostgreSQL's type of one byte, which is not CHAR.
  const bool is_byte = name.quoting == Quoting::Double && name.text == "char";
  type.custom_name = is_byte ? "\"char\"" : name.text;
  if (name == "NUMERIC" && !context.typeParameter().empty())
    TRY(read_precision(context, type));
  else
    TRY(read_number(context, type));
  return type;
}

Result<TypeName> build_struct_type(P::TypeContext& context) {
  TypeName type{.kind = TypeKind::Struct, .position = position_of(context)};
  for (P::StructTypeFieldContext* field : context.structTypeField()) {
    type.field_names.push_back(build_name(*field->identifier()).text);
    type.parts.push_back(TRY(build_type(*field->type())));
  }
  return type;
}

}  // namespace

Result<TypeName> build_type(P::TypeContext& context) {
  TypeName type{.position = position_of(context)};
  if (context.STRUCT()) return build_struct_type(context);
  if (context.name) return build_named_type(context);
  if (context.DOUBLE()) {
    type.kind = TypeKind::Double;
  } else if (context.CHARACTER()) {
    type.kind = TypeKind::String;
    type.precision = 1;  // even without a number: a type of PostgreSQL, not a text
    TRY(read_number(context, type));
  } else if (context.TIMESTAMP()) {
    type.custom_name = context.WITHOUT() ? "TIMESTAMP" : "TIMESTAMPTZ";
  } else if (context.TIME(0)) {
    type.kind = TypeKind::Time;
  } else {
    type.kind = context.MAP() ? TypeKind::Map : TypeKind::Array;
    for (P::TypeContext* part : context.type()) type.parts.push_back(TRY(build_type(*part)));
  }
  return type;
}

}  // namespace engine
