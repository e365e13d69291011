// Records that name the schema that they were written in, as JSON.
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
  // Nothing where the bytes do not name a schema that is there, or are no record of it, or of one that columns cannot
  // hold.
  std::optional<Shown> show(std::string_view bytes);

 private:
  // A schema's columns, under its own names.
  struct Known {
    std::string_view format;
    std::vector<ColumnDef> columns = {};
    std::unique_ptr<Reader> reader = nullptr;  // null: nothing can be read
    bool is_wrapped = true;
  };
  const Known& known(int32_t id, const SchemaText& schema);
  Known open(const SchemaText& schema) const;

  const SchemaLookup& schemas_;
  const Side side_;
  std::map<int32_t, Known> known_;
};

}  // namespace engine
