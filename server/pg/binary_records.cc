// Reads binary values of types made by CREATE TYPE: records, and arrays of records and
// enumerations.
#include <algorithm>

#include "base/bytes.h"
#include "engine/types/postgres_types.h"
#include "server/pg/binary.h"

namespace server::pg {

namespace {

using engine::SqlType;
using engine::TypeKind;
namespace label = engine::label;

Error bad_record_bytes() {
  return Error{ErrorCode::ProtocolViolation, "insufficient data left in message", "",
               "The binary value does not have the length of its type."};
}

bool is_record(const SqlType& type) {
  return type.kind() == TypeKind::Struct && type.label() == label::kComposite;
}
bool is_array_of_users(const SqlType& type) {
  return type.kind() == TypeKind::Array &&
         (is_record(type.element()) || type.element().label() == label::kEnum);
}

// Quotes a text within a record or an array, with a backslash before `"` and `\`.
void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
}

// Reads a value with its length in front. Returns nothing for NULL.
Result<std::optional<std::string_view>> read_sized(ByteReader& reader) {
  const auto size = reader.be<int32_t>();
  if (!reader.ok() || size < -1) return bad_record_bytes();
  if (size == -1) return std::optional<std::string_view>();
  const std::string_view bytes = reader.bytes(static_cast<size_t>(size));
  if (!reader.ok()) return bad_record_bytes();
  return std::optional(bytes);
}

Result<std::string> record_text(const SqlType& type, ByteReader& reader, ClientEncoding* from) {
  const auto count = reader.be<int32_t>();
  if (!reader.ok()) return bad_record_bytes();
  if (count != static_cast<int32_t>(type.fields().size()))
    return Error{ErrorCode::ProtocolViolation, "wrong number of columns: " + std::to_string(count) +
                                                   ", expected " +
                                                   std::to_string(type.fields().size())};
  std::string text = "(";
  for (size_t i = 0; i < type.fields().size(); ++i) {
    if (i > 0) text += ',';
    const auto number = reader.be<uint32_t>();
    const auto bytes = TRY(read_sized(reader));
    if (bytes)
      append_quoted(text, TRY(text_of_binary(type.fields()[i].type, number, *bytes, from)));
  }
  return text + ")";
}

Result<std::string> array_text(const SqlType& type, ByteReader& reader, ClientEncoding* from) {
  const auto dimensions = reader.be<int32_t>();
  // This field states whether the array has nulls. It is ignored, because the length of each
  // element shows whether the element is null.
  reader.be<int32_t>();
  const auto element = reader.be<uint32_t>();
  if (!reader.ok()) return bad_record_bytes();
  if (dimensions == 0) return std::string("{}");
  if (dimensions != 1)
    return Error{ErrorCode::NotSupported, "arrays of several dimensions are not supported yet"};
  const auto count = reader.be<int32_t>();
  reader.be<int32_t>();  // index of the first element; not used
  std::string text = "{";
  for (int32_t i = 0; i < count; ++i) {
    const auto bytes = TRY(read_sized(reader));
    if (i > 0) text += ',';
    if (bytes)
      append_quoted(text, TRY(text_of_binary(type.element(), element, *bytes, from)));
    else
      text += "NULL";
  }
  return text + "}";
}

}  // namespace

Result<std::string> text_of_binary(const SqlType& type, uint32_t type_oid, std::string_view bytes,
                                   ClientEncoding* from) {
  const bool is_users = is_record(type) || is_array_of_users(type);
  // A client that does not know the definition of the type declares its values as text or as
  // another known type.
  if (!is_users || type_oid < kFirstUserType) return text_of_binary(type_oid, bytes, from);
  ByteReader reader(bytes);
  std::string text =
      TRY(is_record(type) ? record_text(type, reader, from) : array_text(type, reader, from));
  if (!reader.ok() || !reader.at_end()) return bad_record_bytes();
  return text;
}

}  // namespace server::pg
