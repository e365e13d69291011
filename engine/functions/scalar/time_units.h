// Names of units in EXTRACT, DATE_PART and DATE_TRUNC. Private to engine/functions.
#pragma once
#include <string>
#include <string_view>

namespace engine {

// Returns the name of a unit in the form in which the tables of units have it: in lower case, and
// "microseconds" for us or usec. Accepts the synonyms of PostgreSQL 15 (datetktbl and deltatktbl in
// utils/adt/datetime.c). Any other name is returned unchanged, but cut after 40 bytes.
std::string unit_name(std::string_view unit);

}  // namespace engine
