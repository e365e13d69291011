// From a session's statement to what is to be done for it: analysed when it is prepared, planned
// when it runs.
#pragma once
#include <atomic>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <variant>
#include <vector>

#include "base/random.h"
#include "engine/functions/catalog_names.h"
#include "engine/functions/kernel.h"
#include "engine/functions/sequences.h"
#include "engine/plan/analysis.h"
#include "engine/plan/query_plan.h"
#include "engine/query/point_look_up.h"
#include "engine/query/pull.h"
#include "engine/query/select_rows.h"
#include "server/metadata/image.h"
#include "server/metadata/rights.h"
#include "server/sql/port.h"
#include "server/sql/serial/left_out_columns.h"
#include "server/sql/settings.h"
#include "server/sql/write/returning.h"
#include "server/sql/write/row_buffer.h"
#include "server/sql/write/write_plan.h"

namespace server {

// A statement, analysed: the text is planned again when it runs, because its parameters then have
// values and the image may have changed. A look-up without parameters keeps its plan.
struct SqlPrepared final : sql::Prepared {
  enum class Action : uint8_t {
    Define,
    AddKey,  // a definition that copies rows first
    Insert,
    WriteRows,
    Constant,
    Pull,
    Select,
    StreamToEnd,
    Push,
    Print,
    Assert,
    Information
  };
  std::shared_ptr<const engine::ParsedStatement> statement;
  Action action = Action::Define;
  bool takes_long = false;    // its planning is not for a loop
  bool is_analyzed = false;   // a Select that EXPLAIN ANALYZE runs: shown is what its steps took
  bool is_explained = false;  // Constant: the lines of EXPLAIN, of a query with parameters
  // The plan of a look-up, good for this image and these properties; null when it must be made
  // anew.
  std::shared_ptr<const engine::PullPlan> pull;
  // Of a look-up of one row by all of its key, likewise.
  std::shared_ptr<engine::PointLookUp> point;
  // Of WriteRows: what is done with the rows of which statement.
  std::shared_ptr<const RowsWrite> write;
  std::shared_ptr<const SqlPrepared> rows;
  bool sleeps = false;         // calls pg_sleep(): `rows` computes the seconds that come before it
  bool is_for_change = false;  // these rows: a statement reads what it changes, or locks it
  Revision revision;
  // The last one at which the columns were found the same.
  mutable std::optional<Revision> checked_at;
  engine::Properties properties;
};

// A statement from its beginning, which may have to begin again.
struct StatementBegun {
  std::shared_ptr<const SqlPrepared> prepared;
  std::vector<engine::Value> parameters;
  int64_t awaits_tables_since_us = 0;  // of the monotonic clock; 0: it has not met one that is away
};
// What its planning is given: its own where it cannot begin again.
std::vector<engine::Value> parameters_for(StatementBegun& begun);

// What a statement comes to when it runs.
struct ConstantRows {
  std::vector<engine::ColumnPtr> columns;
  size_t rows = 0;
};
struct InsertRows {
  std::unique_ptr<RowBuffer> buffer;
  std::vector<engine::ColumnPtr> returned;  // of RETURNING
  std::vector<GivenNumbers> given = {};     // that sequences are to pass before
};
using LookUp = std::shared_ptr<const engine::PullPlan>;
using SelectRows = std::shared_ptr<const engine::SelectRowsPlan>;
using PlannedStatement =
    std::variant<ConstantRows, InsertRows, LookUp, SelectRows, engine::PlannedQuery>;

// Whether planning may take longer than a loop should be held up: the text is long, or functions
// are computed of values that somebody chose.
bool takes_long(const engine::ParsedStatement& statement);
// Likewise because of what it is given: values are copied to where they are used.
bool take_long(const std::vector<engine::Value>& parameters);

// Fails with ObjectState for the table of a query: its rows are what the query makes of its
// sources, so a written one would never be seen.
Status check_writable(const MetadataImage& image, const engine::DataSource& target);

// Holds all that it needs of its session as that was when the planner was made, so that it may work
// on another thread while the session goes on, or ends.
//
// Threads: one at a time. Owner: the session, or the errand.
class Planner {
 public:
  // `memory`: what the server may hold; null: as much as it likes.
  Planner(const Clock& clock, const SqlSettings& settings, MetadataImagePtr image,
          engine::Properties properties, MemoryBudget* memory = nullptr, Asker asker = {});

  // Fails with TypeMismatch where a number below the last parameter's is none that the statement has, and no type was given
  // for it.
  Result<std::shared_ptr<const SqlPrepared>> prepare(
      std::shared_ptr<const engine::ParsedStatement> statement,
      std::span<const engine::SqlType> parameter_types);
  // Of statements that the session plans: not Define and Information. One value for each parameter.
  // What the values of a constant query take is charged as long as this lives.
  Result<PlannedStatement> plan(const SqlPrepared& prepared, std::vector<engine::Value> parameters);

  const MetadataImagePtr& image() const { return image_; }
  // Where SERIAL columns get their numbers; without it an INSERT that leaves one out fails.
  void use(SerialNumbers& numbers) { numbers_ = &numbers; }
  // Where nextval() gets its numbers: on another thread than a loop's, see watch().
  void use(std::shared_ptr<engine::Sequences> sequences) { sequences_ = std::move(sequences); }
  void use(std::map<std::string, std::string> temporary) { temporary_ = std::move(temporary); }
  // The names of the catalog and the rights on its objects, for functions that look them up.
  void use(std::shared_ptr<engine::CatalogNames> names) { names_ = std::move(names); }
  // Fails where the DEFAULT of a column has no value, or one of another type.
  Status check_defaults(std::span<const engine::TableElement> columns);
  Status check_default(const engine::AlterDefault& alter);
  // Tables of which the transaction holds rows: a look-up has to see these, too.
  void use_held(std::set<std::string> tables) { held_ = std::move(tables); }
  // What the columns of the table hold that a statement leaves out.
  Result<LeftOutColumns> left_out(const std::shared_ptr<const engine::DataSource>& table);
  // What a statement that was prepared answers of the rows that it writes, its parameters being these.
  Result<Returning> returning_of_rows(const SqlPrepared& prepared,
                                      std::span<const engine::Value> parameters);
  // returned_rows(), within what this session's functions may take.
  Result<std::vector<engine::ColumnPtr>> compute_returned(
      const Returning& returning, const engine::DataSource& target,
      std::span<const engine::ColumnPtr> written, size_t rows);
  // From now on what functions compute ends soon after the flag is set; the flag outlives the work.
  void watch(const std::atomic<bool>& is_cancelled);

 private:
  // prepare() of what may be a part of a statement, which has not all of its parameters.
  Result<std::shared_ptr<const SqlPrepared>> prepare_part(
      std::shared_ptr<const engine::ParsedStatement> statement,
      std::span<const engine::SqlType> parameter_types);
  engine::EvalContext eval() { return {clock_, random_, &properties_, &*budget_}; }
  engine::PlanContext context_for(std::vector<engine::ParameterSlot>* parameters) const;
  Status prepare_query(const engine::Query& query, std::vector<engine::ParameterSlot>& slots,
                       SqlPrepared& out);
  Result<bool> prepare_analyzed(const engine::Query& query,
                                std::span<const engine::SqlType> parameter_types, SqlPrepared& out);
  Status check_row_locks(const engine::ParsedStatement& statement) const;
  void infer_parameters(const engine::InsertValues& insert,
                        std::vector<engine::SqlType>& parameters) const;
  Status prepare_insert(const engine::InsertValues& insert, SqlPrepared& out) const;
  Status prepare_write(const engine::ParsedStatement& statement,
                       std::span<const engine::SqlType> parameter_types, SqlPrepared& out);
  Result<std::shared_ptr<const SqlPrepared>> prepare_rows(
      engine::Query query, const engine::ParsedStatement& statement,
      std::span<const engine::SqlType> parameter_types);
  Status check_explained(const engine::Explain& explain);
  Status prepare_explained(const engine::Explain& explain,
                           std::span<const engine::SqlType> parameter_types, SqlPrepared& out);
  Status check_default(const engine::ColumnDef& column, TextPosition position);
  static Status check_supported(const engine::Statement& statement);
  Status check_result(const SqlPrepared& prepared, const engine::Schema& result);
  // Also finds out what parameters in it are.
  Status prepare_returning(std::span<const engine::SelectItem> items,
                           const engine::DataSource& target, const ReturningNames& names,
                           SqlPrepared& out) const;
  Status check_returning(const SqlPrepared& prepared, const Returning& returning) const;
  void add_given_numbers(const engine::InsertBatch& rows, std::vector<GivenNumbers>& given) const;
  Result<InsertRows> plan_insert(const SqlPrepared& prepared, const engine::InsertValues& insert,
                                 const engine::PlanContext& context);
  static Result<ConstantRows> explain_constants(const engine::Explain& explain,
                                                const engine::PlanContext& context);
  Result<ConstantRows> compute_constants(const engine::Query& query,
                                         const engine::PlanContext& context);
  Result<SelectRows> plan_select(const SqlPrepared& prepared, const engine::Query& query,
                                 const engine::PlanContext& context);
  Result<LookUp> plan_look_up(const SqlPrepared& prepared, const engine::Query& query,
                              const engine::PlanContext& context);

  const Clock& clock_;
  const SqlSettings& settings_;
  const MetadataImagePtr image_;
  const SnapshotTopics topics_;
  const engine::Properties properties_;
  Random random_;
  MemoryBudget* const memory_;
  std::optional<engine::EvalBudget> budget_;
  const Asker asker_;
  SerialNumbers* numbers_ = nullptr;
  std::map<std::string, std::string> temporary_;  // see engine::PlanContext
  std::set<std::string> held_;
  const std::function<Status(const engine::DataSource&)> may_read_;
  std::shared_ptr<engine::Sequences> sequences_;
  std::shared_ptr<engine::CatalogNames> names_;
  bool may_wait_ = false;  // it is not on a loop
};

// The rows on their way into a source's topic; fails with UnknownTopic when that is gone.
Result<std::unique_ptr<RowBuffer>> make_row_buffer(
    const MetadataImage& image, const std::shared_ptr<const engine::DataSource>& source,
    const Clock& clock);

std::vector<sql::ResultColumn> display_columns(const engine::Schema& schema);

}  // namespace server
