// The schema `public` in the names of relations. The catalog stores the relations of this schema without a prefix, and
// a temporary table hides a relation of its name. A name that was written as public.t therefore keeps the prefix until
// the session knows which relation it means.
#pragma once
#include <string_view>

#include "engine/sql/ast_name.h"

namespace engine {

inline constexpr std::string_view kPublicPrefix = "PUBLIC.";

// Whether the parser keeps the prefix in the names of relations that a statement reads, changes or drops. The prefix is
// kept for sessions, which have temporary tables.
enum class PublicPrefix : uint8_t { Omitted, Kept };

inline bool is_in_public(const Name& name) { return name.text.starts_with(kPublicPrefix); }

inline Name without_public(const Name& name) {
  return is_in_public(name) ? Name{name.text.substr(kPublicPrefix.size()), name.quoting} : name;
}

// Returns whether the name can be that of a temporary table. An exact name is that of a relation in the catalog, so it
// names a temporary table only with the schema PG_TEMP.
inline bool may_name_temporary(const Name& name) {
  return name.quoting != Quoting::Back || name.text.starts_with("PG_TEMP.");
}

}  // namespace engine
