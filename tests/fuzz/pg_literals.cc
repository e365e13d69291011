// Fuzz target: values as PostgreSQL's clients write them, as text and in binary. The first byte chooses the type, the
// second between both forms. An accepted value has a text and a binary form that are read as the same value.
#include <cassert>

#include "engine/formats/text_value.h"
#include "engine/types/postgres_types.h"
#include "engine/types/text_postgres.h"
#include "server/pg/binary.h"
#include "server/pg/wire_types.h"
#include "tests/fuzz/every_type.h"

using engine::SqlType;
using engine::Value;

namespace {

constexpr const char* kWhat = "parameter $1";

std::vector<SqlType> make_types() {
  std::vector<SqlType> types;
  for (const fuzz::ColumnDef& column : fuzz::every_column()) types.push_back(column.type);
  for (const engine::PostgresLabelRow& row : engine::postgres_labels()) {
    types.push_back(engine::type_of(row));
    types.push_back(SqlType::array(engine::type_of(row)));
  }
  for (const engine::TypeKind kind :
       {engine::TypeKind::Date, engine::TypeKind::Time, engine::TypeKind::Timestamp})
    types.push_back(engine::exact_time(kind));
  return types;
}

std::string text_of(const SqlType& type, const Value& value) {
  engine::Column column(type);
  column.append_value(value);
  std::string text;
  engine::append_postgres_text(text, type, column, 0);
  return text;
}

void check_binary(const SqlType& type, const Value& value, const std::string& text) {
  engine::Column column(type);
  column.append_value(value);
  std::string bytes;
  server::pg::append_binary(bytes, type, column, 0);
  const auto back = server::pg::text_of_binary(type, server::pg::wire_type(type).oid, bytes);
  // MAP and STRUCT have no binary form that clients can send.
  if (!back) return;
  const auto again = engine::parse_text_value(type, *back, kWhat);
  assert(again && text_of(type, *again) == text);
}

void check_text(const SqlType& type, std::string_view written) {
  const fuzz::ExactBytes exact(written);
  const auto value = engine::parse_text_value(type, exact.view(), kWhat);
  if (!value || value->is_null()) return;
  const std::string text = text_of(type, *value);
  const auto again = engine::parse_text_value(type, text, kWhat);
  assert(again && text_of(type, *again) == text);
  check_binary(type, *value, text);
  if (engine::has_comparable_form(type) && type.kind() == engine::TypeKind::String)
    static_cast<void>(engine::comparable_text(type, text));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  static const std::vector<SqlType> kTypes = make_types();
  const SqlType& type = kTypes[data[0] % kTypes.size()];
  const std::string_view written(reinterpret_cast<const char*>(data) + 2, size - 2);
  if (data[1] % 2 == 0) {
    check_text(type, written);
    return 0;
  }
  const fuzz::ExactBytes exact(written);
  const auto text = server::pg::text_of_binary(type, server::pg::wire_type(type).oid, exact.view());
  if (text) check_text(type, *text);
  return 0;
}
