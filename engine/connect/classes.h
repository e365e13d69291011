// The connector classes that the server knows by name. A class with a short name ("file") has
// defaults that suit users of SQL. A class with a Java name behaves like the class of Kafka Connect
// with this name.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace engine {

enum class ConnectorType : uint8_t { Source, Sink, Unknown };

// Returns the type as Kafka Connect writes it: "source", "sink" or "unknown".
std::string_view connector_type_name(ConnectorType type);

// BuiltIn: this server runs the class. Outside: a Kafka Connect cluster runs the class, if it is a
// Java class. Refused: the class is accepted only if the configuration has "runs" = 'outside';
// `hint` names an alternative.
enum class ClassSupport : uint8_t { BuiltIn, Outside, Refused };

struct ConnectorClass {
  std::string_view name;  // the value of the property "connector.class"
  ConnectorType type = ConnectorType::Source;
  std::string_view family;  // the short class with the same purpose: "postgres", "file", ...
  ClassSupport support = ClassSupport::Outside;
  std::string_view hint = {};  // a sentence with the alternative, for messages
  // Returns whether the name is a short one, without a package. Such a class is never sent to a
  // Kafka Connect cluster.
  bool is_short() const { return name == family; }
};

// Returns all classes. A short class that can read and write has two rows, one for each type.
std::span<const ConnectorClass> connector_classes();

// Returns the row with this name, or null. As in Kafka Connect, a Java class may be written without
// its package ("FileStreamSource" and "FileStreamSourceConnector"). With type Unknown, returns the
// first row with the name.
const ConnectorClass* find_connector_class(std::string_view name,
                                           ConnectorType type = ConnectorType::Unknown);

// Returns the error for a class that this server does not run. `has_outside` states whether the server was
// started with --connect-url.
Error class_is_not_built_in(std::string_view name, bool has_outside);

}  // namespace engine
