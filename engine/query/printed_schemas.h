// Prints records that carry a schema id as JSON.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/formats/format.h"

namespace engine {

// Prints the keys or the values of a topic.
//
// Threads: one at a time. Owner: the printer of a topic's records. `schemas` outlives the object.
class SchemaPrinter {
 public:
  SchemaPrinter(const SchemaLookup& schemas, Side side) : schemas_(schemas), side_(side) {}

  struct Shown {
    std::string_view format;  // for example "AVRO"
    std::string text;
  };
  // Returns the format of the bytes and their content as JSON. Returns nullopt if the bytes contain
  // no known schema id, if they are not a record of that schema, or if columns cannot represent the
  // schema.
  std::optional<Shown> show(std::string_view bytes);

 private:
  // The columns of a schema, with the names that the schema gives them.
  struct Known {
    std::string_view format;
    std::vector<ColumnDef> columns = {};
    std::unique_ptr<Reader> reader = nullptr;  // null: records of the schema cannot be read
    bool is_wrapped = true;
  };
  const Known& known(int32_t id, const SchemaText& schema);
  Known open(const SchemaText& schema) const;

  const SchemaLookup& schemas_;
  const Side side_;
  std::map<int32_t, Known> known_;
};

}  // namespace engine
