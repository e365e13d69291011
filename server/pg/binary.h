// Encodes values of columns in PostgreSQL's binary format, and converts binary values of clients to
// text.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "engine/types/column.h"

namespace server::pg {

class ClientEncoding;

// Appends the bytes of a value without their length. The row must not be NULL.
void append_binary(std::string& out, const engine::Column& column, size_t row);
// Writes the value as `type`, which is the column's type except for labels. `to`: the encoding of
// texts; null: UTF-8.
void append_binary(std::string& out, const engine::SqlType& type, const engine::Column& column,
                   size_t row, ClientEncoding* to = nullptr);

// Appends a length and then the output of `write`.
template <class Write>
void append_sized(std::string& out, Write write) {
  const size_t length_at = out.size();
  append_be<int32_t>(out, 0);
  write();
  store_be(out.data() + length_at, static_cast<int32_t>(out.size() - length_at - sizeof(int32_t)));
}

// Returns the text of a binary value of this type, as PostgreSQL would print it. Every binary value
// from a client is first converted to text, and the text is then parsed as the type that the
// statement expects. So a client may send an int2 for a BIGINT, or a numeric for a DOUBLE, without
// a conversion for each pair of types. Fails with ProtocolViolation if bytes are missing or left
// over, and with NotSupported for other types. `from`: the encoding of texts in the value; null:
// UTF-8.
Result<std::string> text_of_binary(uint32_t type_oid, std::string_view bytes,
                                   ClientEncoding* from = nullptr);
// Returns the text of a parameter of this type. Values of types made by CREATE TYPE are parsed by
// the definition of the type, values of other types by text_of_binary() above.
Result<std::string> text_of_binary(const engine::SqlType& type, uint32_t type_oid,
                                   std::string_view bytes, ClientEncoding* from = nullptr);

// The lowest number of a type that users have made.
inline constexpr uint32_t kFirstUserType = 16'384;

}  // namespace server::pg
