// A continuous query as stages of steps: the result of the planner and the input of the executor. A plan is data; it
// refers to topics and columns by name, and holds nothing that runs.
#pragma once
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

// Decodes records into columns. Its layout is input_layout() of the source; for an exchange, the columns of the schema.
struct InputStep {
  std::string topic;  // empty for a stage that reads an exchange
  int exchange = -1;  // index in QueryPlan::exchanges, or -1
  SourceKind kind = SourceKind::Stream;
  std::string source_name;  // name in the catalog; for messages
  FormatSpec key_format, value_format;
  Schema schema;  // all columns of the topic, as declared
  std::vector<bool>
      used;  // layout columns that a step reads; the others are null pointers
  std::optional<SourceWindow> window;
  std::optional<TimestampColumn> timestamp;
  int store = -1;        // tables: index in StagePlan::stores of the stored rows
  bool old_too = false;  // tables: a later step needs the replaced row
  // Tables that a join looks rows up in: their changes stop at the store.
  bool is_joined = false;
  // Tables: the steps behind do not need the old row, so a change that was applied but not finished may be applied
  // again. A commit need not wait for these steps.
  bool may_repeat = false;
  // Joined tables: all present records are read before other inputs, because their times do not show which of the
  // stream's records they precede (docs/adr/0005).
  bool is_read_first = false;
  // Set for a generator, which reads nothing: row n is computed from n. The topic is then empty.
  std::optional<GeneratorPlan> generator = {};
};

// Streams: drops the rows for which the predicate is not true. Tables: turns such rows into deletes if they had passed
// before.
struct FilterStep {
  BoundExpression predicate;
  bool is_table = false;
  // Set if the filter has replaced another one: rows that it never passed become deletes too, since the old filter may
  // have passed them (docs/adr/0031).
  bool tells_all_deletes = false;
};

struct ProjectStep {
  std::vector<BoundExpression> columns;
  std::vector<bool> is_key;  // key columns are set even if the row is absent
  bool old_too = false;      // tables whose consumer needs the replaced row
};

// One output row for each element of the table functions' results; `functions[i]` is an ARRAY that is appended to the
// layout.
struct FlatMapStep {
  std::vector<BoundExpression> functions;
};

// The first `key_count` columns become the key: rows with a null in one of them are dropped, and updates of a table
// that change the key are split.
struct RegroupStep {
  size_t key_count = 0;
  bool is_table = false;
};

struct AggregateWindow {
  WindowType type;
  int64_t size_ms = 0, advance_ms = 0, grace_ms = 0, retention_ms = 0;
  int64_t part_ms =
      0;  // sessions, whose gap is `size_ms`: time span of a part of the store
};

struct AggregateCall {
  AggregateInstance instance;
  std::vector<int> arguments;  // columns of the input layout
};

// Input layout: the grouping columns first. Output layout: the grouping columns, one column per call, then the window
// bounds.
struct AggregateStep {
  size_t key_count = 0;
  std::vector<AggregateCall> calls;
  std::optional<AggregateWindow> window;
  bool final_only = false;  // EMIT FINAL
  // As in ksqlDB, whose store has by then dropped windows older than size and grace before the newest one: if stream
  // time jumps, such windows are never emitted. With `compat` only.
  bool loses_old_finals = false;
  bool is_table = false;  // input is a table: with undo
  bool old_too = false;   // a HAVING follows that needs the old row
  int store = -1;
  FormatSpec key_format;  // format of the state's keys, the grouping columns
};

// Joins each row of the stream (port 0) with the table's row (port 1) under its key. Output layout: the columns of the
// stream, then of the table.
struct StreamTableJoinStep {
  JoinType type = JoinType::Inner;  // Inner or Left
  int stream_key = 0;               // column of the stream's layout
  int store = -1;                   // of the table's rows; keyed by key bytes in key_format
  FormatSpec key_format;
};

// Joins each record of one stream with the records of the other that have its key and are at most `before_ms` before it
// and `after_ms` after it, seen from the left stream (port 0). Output layout: the key columns, then the columns of the
// left stream, then of the right.
struct StreamStreamJoinStep {
  JoinType type = JoinType::Inner;
  // Columns of the two layouts, equally many: the compared column, followed by the window bounds if the sources are
  // windowed.
  std::vector<int> left_key, right_key;
  std::vector<bool> left_used, right_used;  // columns that the stores keep
  int64_t before_ms = 0, after_ms = 0, grace_ms = 0;
  // Without GRACE PERIOD, as in ksqlDB: a record without a match gives its row at once. Otherwise, once no match can
  // arrive.
  bool is_eager = false;
  int64_t part_ms = 1;  // time span of a part of a store
  int left_store = -1, right_store = -1;
  int pending_store = -1;  // records without a match so far; -1: no record waits
  FormatSpec key_format;
};

// Joins two tables by their keys: for each key, the joined row of the current rows of both sides. Output layout: the
// key, then the columns of the left table, then of the right.
struct TableTableJoinStep {
  JoinType type = JoinType::Inner;
  int left_key = 0, right_key = 0;        // in the layouts of the two ports
  int left_store = -1, right_store = -1;  // rows of the two sides
  int store = -1;                         // joined rows, under the same key bytes
  std::vector<bool> used;                 // columns of the layout that the store keeps
  bool old_too = false;                   // a later step needs the replaced row
};

// ---- Join of a table with another whose key is its foreign key (docs/adr/0030): three steps, with an exchange before
// the second and one before the third if several tasks exist.

// Sends changes of the left table to the tasks that keep the right table's rows. Output layout: the foreign key, number
// and kind of the change (engine/exec/foreign_key_change.h), then columns of the left table, the primary key first. All
// rows are present.
struct ForeignKeySubscribeStep {
  BoundExpression foreign_key;
  std::vector<int> columns;  // columns of the input's layout that are sent
  size_t key_count = 1;      // the first `key_count` of them are the primary key
};

// Port 0: output of the subscription, port 1: changes of the right table. Output layout: the left table's primary key,
// number and kind of the change, the left table's other columns, columns of the right table. All rows are present.
struct ForeignKeyJoinStep {
  JoinType type = JoinType::Inner;  // Inner or Left
  size_t key_count = 1;
  std::vector<int> right_columns;      // columns of the right port's layout that are sent
  int right_store = -1;                // right table's rows, under their key bytes
  int store = -1;                      // left table's rows, by foreign key
  FormatSpec key_format, left_format;  // of the keys of the right and the left table
};

// Drops answers that are out of date. Output layout: that of the input without number and kind of the change.
struct ForeignKeyResolveStep {
  size_t key_count = 1;
  int store = -1;         // joined rows
  int moving_store = -1;  // keys whose foreign key has changed, until both answers have arrived
  FormatSpec key_format;
  bool old_too = false;  // a later step needs the replaced row
};

struct PlanNode {
  std::variant<InputStep, FilterStep, ProjectStep, FlatMapStep, RegroupStep, AggregateStep,
               StreamTableJoinStep, StreamStreamJoinStep, TableTableJoinStep,
               ForeignKeySubscribeStep, ForeignKeyJoinStep, ForeignKeyResolveStep>
      step;
  std::vector<int> from;  // input nodes in this stage, by port; empty for inputs
  Layout layout;          // output layout
};

// Destination of a stage's rows: a topic, an exchange, or (transient queries) the client.
struct OutputPlan {
  std::string topic;
  int exchange = -1;
  Schema schema;  // keys first; matches the last node's layout by position
  FormatSpec key_format, value_format;
  std::optional<SourceWindow> window;  // the layout then ends with WINDOWSTART and WINDOWEND
  bool is_table = false;
  bool key_is_made = false;   // made by PARTITION BY: a key of nulls is a key, not a missing one
  int timestamp_column = -1;  // layout column that gives the time of written records
  std::optional<std::string> timestamp_format;
  // Records without a key are spread over all partitions, by their offsets; otherwise they go to the partition of their
  // source.
  bool spreads_keyless = false;
};

enum class StoreKind : uint8_t { Rows, Aggregates, Ranges };
struct StorePlan {
  StoreKind kind;
  std::string name;  // name of its changelog's step in ksqlDB
  int node = -1;     // node that keeps it
};

struct StagePlan {
  std::vector<PlanNode> nodes;  // in the order of the flow; the last one feeds the output
  std::vector<StorePlan> stores;
  OutputPlan output;
  // One task reads all partitions, in the order of event time, instead of one task for each. Used before a windowed
  // aggregation whose exchange cannot be time-ordered: tasks that run ahead of each other would make each other's
  // records late. Older plans may have it elsewhere too.
  bool merges_partitions = false;
};

// A durable queue between two stages, with one partition per task of the reading stage.
struct ExchangePlan {
  std::string topic;  // name of the internal topic in ksqlDB
  FormatSpec key_format,
      value_format;  // as in ksqlDB: the test runner shows and uses them
  Schema schema;
  int partitions = 1;
  // Set before a windowed aggregation, a join of streams, or a join with a table that is read by time: the readers take
  // rows in the order of event time, whichever writing task runs ahead (engine/exec/upstream_progress.h). Otherwise
  // rows are read in the order in which they were appended.
  bool is_time_ordered = false;
};

// Look-ups of a table: the rows of one of the query's stores become rows of the table.
struct MaterializationPlan {
  int stage = 0, store = 0;
  std::optional<BoundExpression>
      filter;  // over the store's rows; rows that fail it are not in the table
  std::vector<BoundExpression> columns;  // input_layout() of the table, over the store's rows
  Schema key_schema;                     // keys of the store
  FormatSpec key_format;
  bool is_windowed = false;
};

struct QueryPlan {
  std::string id;
  QueryKind kind = QueryKind::CreateAs;
  std::vector<std::string> sources;  // names, in the order of the text
  std::vector<StagePlan> stages;     // a stage reads only exchanges of earlier stages
  std::vector<ExchangePlan> exchanges;
  Properties properties;
  std::optional<MaterializationPlan> materialization;
};

// Returns the generator of a query that reads no source; otherwise nullptr.
const GeneratorPlan* generator_of(const QueryPlan& plan);

}  // namespace engine
