// Answers SHOW, DESCRIBE and EXPLAIN over HTTP with the JSON objects that ksqlDB's clients expect.
#pragma once
#include <string>

#include "engine/system_tables/information.h"

namespace engine {

// Returns one object. `text` is the statement's text, which the object contains. Fails as answer_information() does.
// A statement for which ksqlDB has no object (SHOW SERVER, SHOW TASKS) is answered by its rows:
// {"@type":"rows","columns":[...],"rows":[[...]]}.
Result<std::string> information_entity(const Statement& statement, std::string_view text,
                                       const InformationContext& context);

// Returns the rows as a JSON object, for a statement for which ksqlDB defines no object.
std::string rows_entity(const InformationRows& rows, std::string_view text);

// Returns the description of a source, in the form in which ksqlDB's objects about connectors
// contain it.
std::string source_description(const DataSource& source, const InformationContext& context);

class JsonWriter;
// Writes a type in the form that fields of such objects have: {"type":"ARRAY","fields":null,"memberSchema":{...}}.
void write_type(JsonWriter& json, const SqlType& type);

}  // namespace engine
