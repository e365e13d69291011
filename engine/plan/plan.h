// A continuous query as stages of steps. The planner makes plans, and the executor runs them. A plan is pure data: it
// refers to topics and columns by name, and holds no running objects.
#pragma once
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "engine/catalog/catalog.h"
#include "engine/expr/bound.h"
#include "engine/functions/aggregate.h"
#include "engine/plan/generator.h"
#include "engine/types/batch.h"

namespace engine {

// Decodes records into columns. The layout is input_layout() of the source. For an exchange, it
// consists of the columns of the schema.
struct InputStep {
  std::string topic;  // empty for a stage that reads an exchange
  int exchange = -1;  // index in QueryPlan::exchanges, or -1
  SourceKind kind = SourceKind::Stream;
  std::string source_name;  // name in the catalog; for messages
  FormatSpec key_format, value_format;
  Schema schema;           // all columns of the topic, as declared
  std::vector<bool> used;  // layout columns that a step reads; the other columns are null pointers
  // Tables only: all columns are decoded, also those that no step uses, so that a record with an
  // unreadable column is left out. The store still keeps only the `used` columns.
  bool decodes_all = false;
  std::optional<SourceWindow> window;
  std::optional<TimestampColumn> timestamp;
  // tables only: index in StagePlan::stores of the store with the table's rows
  int store = -1;
  bool old_too = false;  // tables: a later step needs the replaced row
  // Set for tables in which a join only looks up rows. The input then only applies changes to the
  // stored table, and passes no rows on.
  bool is_joined = false;
  // Set for tables if no later step needs the old row. After a restart, a change of the table may
  // then be applied a second time without harm. So a commit need not wait until the later steps
  // have processed all changes that the table already contains.
  bool may_repeat = false;
  // Set for a joined table whose existing records are all read before any record of other inputs.
  // The planner sets it, for example, if the table's records cannot be ordered with the records of
  // the stream by time (docs/adr/0005).
  bool is_read_first = false;
  // Set for a generator. It reads no records, because row n is computed from the number n. `topic`
  // is then empty.
  std::optional<GeneratorPlan> generator = {};
};

// Returns for each column of the layout whether the input decodes it.
inline std::vector<bool> decoded_columns(const InputStep& step) {
  std::vector<bool> decoded = step.used;
  if (step.decodes_all) std::fill_n(decoded.begin(), step.schema.columns.size(), true);
  return decoded;
}

// Filters rows. From a stream, drops the rows for which the predicate is not true. In a table, such
// a row becomes a delete if an earlier version of the row has passed the filter.
struct FilterStep {
  BoundExpression predicate;
  bool is_table = false;
  // Set if the filter has replaced another filter. A row that does not pass always becomes a
  // delete, because an earlier version may have passed the old filter (docs/adr/0031).
  bool tells_all_deletes = false;
};

struct ProjectStep {
  std::vector<BoundExpression> columns;
  std::vector<bool> is_key;  // key columns have values even if the row is absent
  bool old_too = false;      // tables: a later step needs the replaced row
};

// Gives one output row for each element of the table functions' results. `functions[i]` is an
// ARRAY; its elements become a column, which is appended to the layout.
struct FlatMapStep {
  std::vector<BoundExpression> functions;
};

// Makes the first `key_count` columns the key. Drops rows with a null in one of them. An update of
// a table that changes the key becomes a delete and an insert.
struct RegroupStep {
  size_t key_count = 0;
  bool is_table = false;
};

struct AggregateWindow {
  WindowType type;
  int64_t size_ms = 0, advance_ms = 0, grace_ms = 0, retention_ms = 0;
  int64_t part_ms = 0;  // for sessions, whose gap is `size_ms`: time span of a part of the store
};

struct AggregateCall {
  AggregateInstance instance;
  std::vector<int> arguments;  // columns of the input layout
};

// Groups rows and computes aggregates. The input layout begins with the grouping columns. The output layout has the
// grouping columns, one column per call, and the window bounds.
struct AggregateStep {
  size_t key_count = 0;
  std::vector<AggregateCall> calls;
  std::optional<AggregateWindow> window;
  bool final_only = false;  // EMIT FINAL: a window gives one result, when it closes
  // Set only with `compat`. If stream time jumps ahead, some windows end more than size + grace
  // before the newest window. The results of these windows are then never emitted, as in ksqlDB,
  // whose store has already dropped them.
  bool loses_old_finals = false;
  bool is_table = false;  // the input is a table, so changes undo old rows
  bool old_too = false;   // a HAVING follows that needs the old row
  int store = -1;
  FormatSpec key_format;  // format of the grouping columns as keys of the state
};

// Joins each row of the stream (port 0) with the row of the table (port 1) whose key is the value
// of `stream_key`. The output layout has the columns of the stream, then those of the table.
struct StreamTableJoinStep {
  JoinType type = JoinType::Inner;  // Inner or Left
  int stream_key = 0;               // column of the stream's layout
  int store = -1;                   // store of the table's rows; keys are in key_format
  FormatSpec key_format;
};

// Joins each record of one stream with those records of the other stream that have the same key and
// are near in time. A record of the left stream (port 0) matches records of the right one that are
// at most `before_ms` before and `after_ms` after it. The output layout has the key columns, then
// the columns of the left stream, then those of the right stream.
struct StreamStreamJoinStep {
  JoinType type = JoinType::Inner;
  // The key columns in the layouts of the two ports: the compared column and, if the sources are
  // windowed, the window bounds after it. The two lists have the same length.
  std::vector<int> left_key, right_key;
  std::vector<bool> left_used, right_used;  // columns that the stores keep
  int64_t before_ms = 0, after_ms = 0, grace_ms = 0;
  // True if the statement has no GRACE PERIOD: a record without a match gives its row immediately,
  // as in ksqlDB. False: it gives the row when a match can no longer arrive.
  bool is_eager = false;
  int64_t part_ms = 1;  // time span of a part of a store
  int left_store = -1, right_store = -1;
  int pending_store = -1;  // records that have no match so far; -1: records do not wait for a match
  FormatSpec key_format;
};

// Joins two tables by their keys. For each key, the joined row consists of the current rows of both sides. The output
// layout has the key, then the columns of the left table, then those of the right table.
struct TableTableJoinStep {
  JoinType type = JoinType::Inner;
  int left_key = 0, right_key = 0;        // columns in the layouts of the two ports
  int left_store = -1, right_store = -1;  // stores with the rows of the two sides
  int store = -1;                         // joined rows, under the same key bytes
  std::vector<bool> used;                 // columns of the layout that the store keeps
  bool old_too = false;                   // a later step needs the replaced row
};

// ---- Join of a table with a table to whose key a foreign key refers (docs/adr/0030). The join has
// three steps. If the query has several tasks, an exchange is before the second step and another
// one before the third.

// Sends changes of the left table to the tasks that keep the right table's rows. The output layout
// has the foreign key, the number and kind of the change (engine/exec/foreign_key_change.h), then
// columns of the left table, the primary key first. A deleted row is not an absent row
// (Batch::present) of the output: the kind of the change shows that the row was deleted.
struct ForeignKeySubscribeStep {
  BoundExpression foreign_key;
  std::vector<int> columns;  // columns of the input's layout that are sent
  size_t key_count = 1;      // the first `key_count` of them are the primary key
};

// Joins the changes of both tables. Port 0 takes the output of the subscription, port 1 changes of the right table.
// The output layout has the left table's primary key, the number and kind of the change, the left
// table's other columns, then columns of the right table. The output has no absent rows: the kind
// of the change shows whether a joined row exists.
struct ForeignKeyJoinStep {
  JoinType type = JoinType::Inner;  // Inner or Left
  size_t key_count = 1;
  std::vector<int> right_columns;      // columns of the right port's layout that are sent
  int right_store = -1;                // right table's rows, under their key bytes
  int store = -1;                      // left table's rows, ordered by foreign key
  FormatSpec key_format, left_format;  // formats of the keys of the right and the left table
};

// Drops outdated answers (engine/exec/foreign_key_resolve.h). The output layout is that of the
// input without the number and kind of the change.
struct ForeignKeyResolveStep {
  size_t key_count = 1;
  int store = -1;  // store of the joined rows
  // store of the left keys whose foreign key has changed, and which still await one of two answers
  int moving_store = -1;
  FormatSpec key_format;
  bool old_too = false;  // a later step needs the replaced row
};

struct ViewPlan;  // engine/plan/view_plan.h

// Keeps the rows of a materialized view. When the inputs have changed, runs the view's SELECT over
// all of their rows, and passes on those rows that differ from the last result. The output layout
// has the columns of the view's topic.
struct RecomputeStep {
  std::shared_ptr<const ViewPlan> view = {};
  // For each port: the store with the rows of a stream. -1 for a table, because the table's own
  // input stores its rows.
  std::vector<int> stream_stores = {};
  int store = -1;  // the rows of the view, by their keys
  FormatSpec key_format = {};
};

struct PlanNode {
  std::variant<InputStep, FilterStep, ProjectStep, FlatMapStep, RegroupStep, AggregateStep,
               StreamTableJoinStep, StreamStreamJoinStep, TableTableJoinStep,
               ForeignKeySubscribeStep, ForeignKeyJoinStep, ForeignKeyResolveStep, RecomputeStep>
      step;
  std::vector<int> from;  // input nodes in this stage, by port; empty for inputs
  Layout layout;          // output layout
};

// Destination of a stage's rows: a topic, an exchange, or the client of a transient query.
struct OutputPlan {
  std::string topic;
  int exchange = -1;
  Schema schema;  // keys first; matches the last node's layout by position
  FormatSpec key_format, value_format;
  std::optional<SourceWindow> window;  // the layout then ends with WINDOWSTART and WINDOWEND
  bool is_table = false;
  bool key_is_made = false;   // PARTITION BY made the key, so a key of nulls is not a missing key
  int timestamp_column = -1;  // layout column that gives the time of written records
  std::optional<std::string> timestamp_format;
  // Decides the partition of a record without a key. True, for generated rows: the number of the
  // partition is the offset of the source row modulo the number of partitions. False: the record
  // gets the partition of the source record.
  bool spreads_keyless = false;
};

enum class StoreKind : uint8_t { Rows, Aggregates, Ranges };
struct StorePlan {
  StoreKind kind;
  std::string name;  // name of its changelog's step in ksqlDB
  int node = -1;     // index of the node that keeps the store
};

struct StagePlan {
  std::vector<PlanNode> nodes;  // in the order of the flow; the last one feeds the output
  std::vector<StorePlan> stores;
  OutputPlan output;
  // One task reads all partitions in the order of event time, instead of one task for each
  // partition. There are two uses. In a join whose keys contain schema ids, the partition of a key
  // cannot be predicted. In a windowed aggregation after an exchange that cannot be time-ordered,
  // tasks that run ahead would make the records of other tasks late. Plans of older versions may
  // set it in other cases, too.
  bool merges_partitions = false;
};

// A durable queue between two stages, with one partition per task of the reading stage.
struct ExchangePlan {
  std::string topic;  // name of the internal topic in ksqlDB
  FormatSpec key_format,
      value_format;  // as in ksqlDB: the test runner shows and uses them
  Schema schema;
  int partitions = 1;
  // Set before a windowed aggregation, a join of streams, or a join with a table that is read by
  // time. The readers then take rows in the order of event time, even if one of the writing tasks
  // runs ahead (engine/exec/upstream_progress.h). Otherwise they take rows in the order in which
  // they were appended.
  bool is_time_ordered = false;
};

// Describes how look-ups read the table of a query: which store has its rows, and how a row of the
// store becomes a row of the table.
struct MaterializationPlan {
  int stage = 0, store = 0;
  std::optional<BoundExpression>
      filter;  // bound to the store's rows; rows that fail it are not in the table
  std::vector<BoundExpression> columns;  // input_layout() of the table, bound to the store's rows
  Schema key_schema;                     // keys of the store
  FormatSpec key_format;
  bool is_windowed = false;
};

struct QueryPlan {
  std::string id;
  QueryKind kind = QueryKind::CreateAs;
  std::vector<std::string> sources;  // names of the sources, in the order of the text
  std::vector<StagePlan> stages;     // a stage reads only exchanges of earlier stages
  std::vector<ExchangePlan> exchanges;
  Properties properties;
  std::optional<MaterializationPlan> materialization;
};

// Returns the step that keeps the rows of a materialized view; nullptr for every other query.
const RecomputeStep* view_step_of(const QueryPlan& plan);
// Returns the generator of a query that reads no source; otherwise nullptr.
const GeneratorPlan* generator_of(const QueryPlan& plan);

}  // namespace engine
