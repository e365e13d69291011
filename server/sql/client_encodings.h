// The encodings that a client may ask for by client_encoding, under PostgreSQL's names.
#pragma once
#include <string_view>

namespace server::sql {

struct ClientEncodingRow {
  std::string_view name;       // as PostgreSQL shows it
  std::string_view converter;  // ICU's name; empty: bytes are UTF-8 as they are
};

// By one of the names that PostgreSQL takes, without regard to case and to what is no letter or digit; null for others,
// and for those that cannot be converted.
const ClientEncodingRow* find_client_encoding(std::string_view name);

}  // namespace server::sql
