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

// Threads: one at a time. Owner: the printer of a topic's records. `schemas` outlives it.
class SchemaPrinter {
 public:
  SchemaPrinter(const SchemaLookup& schemas, Side side) : schemas_(schemas), side_(side) {}

  struct Shown {
    std::string_view format;  // "AVRO"
    std::string text;
  };
  // Returns nullopt if the bytes carry no known schema id, are no record of that schema, or the schema has no
  // equivalent in columns.
  std::optional<Shown> show(std::string_view bytes);

 private:
  // The columns of a schema, under its own names.
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
