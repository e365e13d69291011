// The properties of the SpoolDir connectors (github.com/jcustenborder/kafka-connect-spooldir).
#pragma once
#include <vector>

#include "engine/connect/classes.h"
#include "engine/connect/file_properties.h"
#include "engine/connect/properties.h"

namespace engine {

// Returns whether the class is one of the SpoolDir connectors.
bool is_spool_dir(const ConnectorClass& of);
// Returns whether the class writes keys and values with the fields of a schema, and not texts.
bool has_spool_schemas(const ConnectorClass& of);

// Returns the rows of the properties that only the SpoolDir connectors have.
std::vector<PropertyRow> spool_rows(const ConnectorClass& of);
// Reads the properties into `source`, except for the topic and the converters. Adds each property
// with a wrong value to `wrong`.
void read_spool_source(const ConnectorClass& of, const PropertyValues& values, FileSource& source,
                       std::vector<WrongProperty>& wrong);

}  // namespace engine
