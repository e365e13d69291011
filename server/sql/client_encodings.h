// The encodings that a client can choose by client_encoding, under PostgreSQL's names.
#pragma once
#include <string_view>

namespace server::sql {

struct ClientEncodingRow {
  std::string_view name;       // name as PostgreSQL spells it
  std::string_view converter;  // ICU's name; empty: bytes are not converted
};

// Finds the row for one of PostgreSQL's names or aliases. Case, and characters other than letters
// and digits, are ignored. Returns null for an unknown name and for an encoding that cannot be
// converted.
const ClientEncodingRow* find_client_encoding(std::string_view name);

}  // namespace server::sql
