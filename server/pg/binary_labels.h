// Binary values of PostgreSQL's types that the engine keeps as text (engine/types/postgres_types.h): to and from that text.
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

// The bytes of a kept text. What has no binary form of its own (enumerations, json, and text's kin) is its text,
// turned into `to`; null: UTF-8.
void append_label_binary(std::string& out, engine::PostgresLabel label, std::string_view text,
                         ClientEncoding* to = nullptr);

// The text of a binary value of the type; nothing for a type whose bytes are its text, or of no row. Missing bytes show in
// the reader.
std::optional<Result<std::string>> label_text(uint32_t type_oid, ByteReader& reader);

// numeric, which needs no DECIMAL.
void append_numeric_text(std::string& out, std::string_view text);

}  // namespace server::pg
