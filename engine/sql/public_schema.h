// The schema `public` in the names of relations. The catalog stores the relations of this schema
// without a prefix, and a temporary table hides a relation with the same name. So if a statement
// names public.t, the parser keeps the prefix. The session removes it later, when it has decided
// which relation is meant.
#pragma once
#include <string_view>

#include "engine/sql/ast_name.h"

namespace engine {

inline constexpr std::string_view kPublicPrefix = "PUBLIC.";

// Whether the parser keeps the prefix in the names of relations that a statement reads, changes or
// drops. Sessions need it, because they have temporary tables.
enum class PublicPrefix : uint8_t { Omitted, Kept };

inline bool is_in_public(const Name& name) { return name.text.starts_with(kPublicPrefix); }

inline Name without_public(const Name& name) {
  return is_in_public(name) ? Name{name.text.substr(kPublicPrefix.size()), name.quoting} : name;
}

// Returns whether the name can refer to a temporary table. A name in backquotes is exactly the name
// of a relation in the catalog; it refers to a temporary table only if it begins with the schema
// PG_TEMP.
inline bool may_name_temporary(const Name& name) {
  return name.quoting != Quoting::Back || name.text.starts_with("PG_TEMP.");
}

}  // namespace engine
