// Values in PostgreSQL's binary format: to clients from columns, from clients to text.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "engine/types/column.h"

namespace server::pg {

class ClientEncoding;

// The value's bytes without their length; the row is not null.
void append_binary(std::string& out, const engine::Column& column, size_t row);
// As the type shows it, which is the column's but for its labels. `to` (null: UTF-8): what texts are turned into.
void append_binary(std::string& out, const engine::SqlType& type, const engine::Column& column,
                   size_t row, ClientEncoding* to = nullptr);

// A length, then what `write` appends.
template <class Write>
void append_sized(std::string& out, Write write) {
  const size_t length_at = out.size();
  append_be<int32_t>(out, 0);
  write();
  store_be(out.data() + length_at, static_cast<int32_t>(out.size() - length_at - sizeof(int32_t)));
}

// The text of a binary value of this type, as PostgreSQL would print it. All that clients send
// becomes text first and is then read as the type that the statement wants, so that int2 may stand
// for a BIGINT and a numeric for a DOUBLE without a rule for each pair.
// Fails with ProtocolViolation when bytes are missing or left over, NotSupported for other types.
// `from`: what texts within it are in; null: UTF-8.
Result<std::string> text_of_binary(uint32_t type_oid, std::string_view bytes,
                                   ClientEncoding* from = nullptr);
// Where a value of this type is wanted: what CREATE TYPE has made is read by it.
Result<std::string> text_of_binary(const engine::SqlType& type, uint32_t type_oid,
                                   std::string_view bytes, ClientEncoding* from = nullptr);

// Types that users have made have numbers from here.
inline constexpr uint32_t kFirstUserType = 16'384;

}  // namespace server::pg
