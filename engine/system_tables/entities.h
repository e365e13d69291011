// What SHOW, DESCRIBE and EXPLAIN answer over HTTP: JSON objects as ksqlDB's clients read them.
#pragma once
#include <string>

#include "engine/system_tables/information.h"

namespace engine {

// One object. `text` is the statement's, which is part of it. Fails as answer_information() does. What ksqlDB has no
// object for (SHOW SERVER, SHOW TASKS) is its rows: {"@type":"rows","columns":[...],"rows":[[...]]}.
Result<std::string> information_entity(const Statement& statement, std::string_view text,
                                       const InformationContext& context);

// A type as the fields of such objects have it: {"type":"ARRAY","fields":null,"memberSchema":{...}}.
class JsonWriter;
void write_type(JsonWriter& json, const SqlType& type);

}  // namespace engine
