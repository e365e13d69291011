// Converts binary values of PostgreSQL's types that the engine keeps as text
// (engine/types/postgres_types.h) to and from that text.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "engine/types/postgres_types.h"

namespace server::pg {

class ClientEncoding;

// Appends the binary form of a value that the engine keeps as text. A type without a binary form of
// its own (enumerations, json, varchar and similar) is sent as its text in the encoding `to`; null:
// UTF-8.
void append_label_binary(std::string& out, engine::PostgresLabel label, std::string_view text,
                         ClientEncoding* to = nullptr);

// Returns the text of a binary value of the type; nothing for an unknown type, and for a type whose
// bytes are its text. If bytes are missing, the reader is not ok().
std::optional<Result<std::string>> label_text(uint32_t type_oid, ByteReader& reader);

// Appends the binary form of a numeric that is kept as text, whose digits may exceed a DECIMAL.
void append_numeric_text(std::string& out, std::string_view text);

}  // namespace server::pg
