// Chooses how the tables of a SELECT are read: by a scan, by keys that the statement contains, by keys in the rows of
// another table, or at first only some of the rows.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/query/rows_run.h"
#include "engine/query/select_rows.h"

namespace engine {

// The source of the keys of a table: another table of the statement. The result depends only on
// those rows of the table whose keys occur in a row of the source.
struct KeySource {
  size_t table;  // index in SelectRowsPlan::tables
  std::vector<uint32_t>
      columns;  // for each key column of the table: a column of the source's look-up
};

// How the tables of a SELECT are read. The vectors have one element per table of the plan.
struct TableReads {
  enum class Way : uint8_t {
    Scan,
    Keys,    // PullPlan::keys
    Source,  // the keys in the rows of another table, which is read before
    First,   // as many rows as LIMIT needs, if each row of the table gives a row of the result
  };
  std::vector<Way> ways;
  std::vector<std::optional<KeySource>> sources;  // set for Way::Source
  // For Way::First: the number of rows of the result that are needed, OFFSET included. If the first rows of the table
  // give fewer rows, the statement has to be run again, with scans.
  size_t wanted = 0;

  bool has_first() const;
};

// The largest number of source rows whose keys are looked up. With more rows, a scan of the table takes less time. The
// tasks of all tables are stopped while keys are looked up, so the limit also bounds this time.
inline constexpr size_t kMostSourceRows = 2'048;

// Chooses how each table is read. Way::First is chosen only if `may_read_first` is set.
TableReads table_reads(const SelectRowsPlan& plan, bool may_read_first = true);

// Returns the number of rows that one of `parts` parts of a table reads at first for a result of `wanted` rows. The
// parts are about equally large.
size_t first_rows_of_part(size_t wanted, size_t parts);

// Returns the serialized keys of the table in the rows of its source, sorted, each once. Rows with a null in a key
// column are left out. The chunks have the columns of the source's look-up.
Result<std::vector<std::string>> keys_of_source(const DataSource& table, const KeySource& source,
                                                const RowsChunks& rows);

}  // namespace engine
