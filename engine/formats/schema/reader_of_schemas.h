// The common part of all readers of records with a schema id. Reads the header of each record, and
// keeps one reader for each schema that has occurred.
#pragma once
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "engine/formats/reader.h"
#include "engine/formats/schema/schema_text.h"
#include "engine/types/schema.h"

namespace engine {

// The columns for which a reader is made.
struct ReadColumns {
  std::vector<ColumnDef> columns;
  std::vector<bool> needed;
  // true: the columns are fields of a record; false: the only column is a bare value
  bool wrapped = true;
};

// Reads the records of one schema, without their header.
class SchemaReader {
 public:
  virtual ~SchemaReader() = default;
  // Appends a row to each of `outs` that is not nullptr. Returns false on failure, with the reason
  // in `error`. A part of the row may then have been appended.
  virtual bool read(std::string_view payload, std::span<Column* const> outs, size_t row,
                    std::string& error) = 0;
};

using MakeSchemaReader = Result<std::unique_ptr<SchemaReader>> (*)(const SchemaText& schema,
                                                                   const ReadColumns& columns,
                                                                   std::string_view full_name);

// Reads records of several schemas.
//
// Invariants: the id 0 stands for the schema that is derived from the columns themselves. Records of a program without
// a registry have this id, and so have records that tasks write for themselves.
//
// Threads: one at a time.
class ReaderOfSchemas final : public Reader {
 public:
  // `lookup` may be nullptr; then no id is known. `derived` is the schema of id 0.
  ReaderOfSchemas(ReadColumns columns, SchemaText derived, const SchemaLookup* lookup,
                  std::string full_name, MakeSchemaReader make, bool has_header);

  void read(std::span<const std::optional<std::string_view>> payloads,
            std::span<Column* const> outs, RowStatus& status) override;

 private:
  struct Known {
    std::unique_ptr<SchemaReader> reader;  // nullptr: see `problem`
    std::string problem;
    bool may_come = false;        // whether a missing schema may be registered later
    bool is_unavailable = false;  // whether the registry has not answered yet
  };
  enum class Outcome : uint8_t { Read, Failed, Unavailable };

  Outcome read_record(std::string_view payload, std::span<Column* const> outs, size_t row,
                      std::string& error);
  const Known& known(int32_t id);
  Known open(int32_t id);

  const ReadColumns columns_;
  const SchemaText derived_;
  const SchemaLookup* const lookup_;
  const std::string full_name_;
  const MakeSchemaReader make_;
  const bool has_header_;
  std::unordered_map<int32_t, Known> known_;
  int32_t last_id_ = -1;
  const Known* last_ = nullptr;
};

}  // namespace engine
