// Turns a session's statement into a plan. The statement is analysed once, when it is prepared, and
// planned each time it runs.
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
#include "server/sql/follow/follow_plan.h"
#include "server/sql/port.h"
#include "server/sql/serial/left_out_columns.h"
#include "server/sql/settings.h"
#include "server/sql/write/returning.h"
#include "server/sql/write/row_buffer.h"
#include "server/sql/write/write_plan.h"

namespace server {

// An analysed statement. It is planned again each time it runs, because its parameters then have
// values, and the definitions may have changed. A look-up without parameters keeps its plan.
struct SqlPrepared final : sql::Prepared {
  enum class Action : uint8_t {
    Define,
    AddKey,  // a definition that first copies the rows of the table
    Insert,
    WriteRows,
    Constant,
    Pull,
    Select,
    StreamToEnd,
    Push,
    Follow,  // shows the changes of a catalog table
    Print,
    Assert,
    Refresh,
    Information,
    Connector,
    Link,
    Topic  // ALTER TOPIC, and ALTER CONSUMER GROUP
  };
  std::shared_ptr<const engine::ParsedStatement> statement;
  Action action = Action::Define;
  bool takes_long = false;    // planning takes too long for a loop
  bool is_analyzed = false;   // a Select run by EXPLAIN ANALYZE, which shows the time of each step
  bool is_explained = false;  // `action` is Constant: the rows are the lines of EXPLAIN
  // The plan of a look-up. It is valid for the image of `revision` and for `properties`. Null if
  // the look-up has to be planned each time it runs.
  std::shared_ptr<const engine::PullPlan> pull;
  // The plan of a look-up of one row by its whole key; null for any other statement.
  std::shared_ptr<engine::PointLookUp> point;
  // For WriteRows: `rows` is the SELECT that produces the rows, and `write` describes what the
  // statement does with them.
  std::shared_ptr<const RowsWrite> write;
  std::shared_ptr<const SqlPrepared> rows;
  // The statement calls pg_sleep(); `rows` is the SELECT that computes the seconds.
  bool sleeps = false;
  // the statement changes or locks the rows that this SELECT reads
  bool is_for_change = false;
  Revision revision;
  // The newest revision of the metadata at which the statement's columns were found unchanged.
  mutable std::optional<Revision> checked_at;
  engine::Properties properties;
};

// A statement together with all that is needed to start it again.
struct StatementBegun {
  std::shared_ptr<const SqlPrepared> prepared;
  std::vector<engine::Value> parameters;
  // Time of the monotonic clock; 0: the statement has not waited for a table yet.
  int64_t awaits_tables_since_us = 0;
};
// Returns the parameters for planning. They are moved out of `begun` if the statement cannot be
// started again, and copied otherwise.
std::vector<engine::Value> parameters_for(StatementBegun& begun);

// The results of planning. PlannedStatement has one type for each kind of statement.
struct ConstantRows {
  std::vector<engine::ColumnPtr> columns;
  size_t rows = 0;
};
struct InsertRows {
  std::unique_ptr<RowBuffer> buffer;
  std::vector<engine::ColumnPtr> returned;  // the rows of RETURNING
  // Explicit numbers for SERIAL columns. The sequences must move past them before the rows are written.
  std::vector<GivenNumbers> given = {};
};
using LookUp = std::shared_ptr<const engine::PullPlan>;
using SelectRows = std::shared_ptr<const engine::SelectRowsPlan>;
using PlannedStatement = std::variant<ConstantRows, InsertRows, LookUp, SelectRows,
                                      engine::PlannedQuery, FollowedSelect>;

// Returns whether planning may block a loop for too long, because the text is long or because
// planning computes functions of values that the client chose.
bool takes_long(const engine::ParsedStatement& statement);
// Returns whether planning may block a loop for too long because the parameters are large: planning
// copies their values to all places that use them.
bool take_long(const std::vector<engine::Value>& parameters);

// Fails with ObjectState if a query writes the table. Readers see the rows that this query has
// computed, so they would never see a row that a statement writes.
Status check_writable(const MetadataImage& image, const engine::DataSource& target);

// Plans statements. When a planner is made, it gets a copy of everything that it needs from its
// session. So it may work on another thread while the session continues or ends.
//
// Threads: one at a time. Owner: the session, or the sql::Errand in which it runs.
class Planner {
 public:
  // `memory`: the server's budget; null: unlimited.
  Planner(const Clock& clock, const SqlSettings& settings, MetadataImagePtr image,
          engine::Properties properties, MemoryBudget* memory = nullptr, Asker asker = {});

  // Analyses the statement. Fails with TypeMismatch if a parameter number below the highest one is
  // not used and the client has declared no type for it.
  Result<std::shared_ptr<const SqlPrepared>> prepare(
      std::shared_ptr<const engine::ParsedStatement> statement,
      std::span<const engine::SqlType> parameter_types);
  // Plans all statements that a session executes itself, which are all except Define and
  // Information. `parameters` has one value for each parameter. If the statement is a constant
  // query, the memory of its values is charged until the planner is destroyed.
  Result<PlannedStatement> plan(const SqlPrepared& prepared, std::vector<engine::Value> parameters);

  const MetadataImagePtr& image() const { return image_; }
  // Sets the source of numbers for SERIAL columns; without it an INSERT that omits such a column
  // fails. `session` keeps the numbers for currval(); it may be null.
  void use(SerialNumbers& numbers, std::shared_ptr<SessionSequences> session) {
    numbers_ = &numbers;
    serials_of_session_ = std::move(session);
  }
  // Sets the source of numbers for nextval(). It may only be used after watch(), when the planner
  // runs on a thread that may wait.
  void use(std::shared_ptr<engine::Sequences> sequences) { sequences_ = std::move(sequences); }
  void use(std::map<std::string, std::string> temporary) { temporary_ = std::move(temporary); }
  // Sets the names of the catalog and the rights on its objects, for functions such as regclass
  // conversions that look them up.
  void use(std::shared_ptr<engine::CatalogNames> names) { names_ = std::move(names); }
  // Fails if the DEFAULT of a column cannot be computed or has another type.
  Status check_defaults(std::span<const engine::TableElement> columns);
  Status check_default(const engine::AlterDefault& alter);
  // Sets the tables of which the transaction holds uncommitted rows, because look-ups in these
  // tables have to see the rows.
  void use_held(std::set<std::string> tables) { held_ = std::move(tables); }
  // Returns the values for those columns of the table that a statement omits.
  Result<LeftOutColumns> left_out(const std::shared_ptr<const engine::DataSource>& table);
  // Returns the RETURNING expressions of a prepared statement that writes the rows of a SELECT,
  // bound to these parameters.
  Result<Returning> returning_of_rows(const SqlPrepared& prepared,
                                      std::span<const engine::Value> parameters);
  // Calls returned_rows() within the budget for this session's functions.
  Result<std::vector<engine::ColumnPtr>> compute_returned(
      const Returning& returning, const engine::DataSource& target,
      std::span<const engine::ColumnPtr> written, size_t rows);
  // Declares that the planner runs on another thread than the loop. From now on it may wait, and
  // its functions stop soon after `is_cancelled` is set. `is_cancelled` outlives the work.
  void watch(const std::atomic<bool>& is_cancelled);

 private:
  // Prepares a part of a statement, as prepare() does for a whole one. The part need not use all
  // parameters of the statement.
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
  // Prepares the RETURNING items, and infers the types of the parameters in them.
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
  std::shared_ptr<SessionSequences> serials_of_session_;  // may be null
  std::map<std::string, std::string> temporary_;          // explained at engine::PlanContext
  std::set<std::string> held_;
  const std::function<Status(const engine::DataSource&)> may_read_;
  std::shared_ptr<engine::Sequences> sequences_;
  std::shared_ptr<engine::CatalogNames> names_;
  bool may_wait_ = false;  // true off the loop, see watch()
};

// Makes a buffer for rows of a source's topic; fails with UnknownTopic if the topic was deleted.
Result<std::unique_ptr<RowBuffer>> make_row_buffer(
    const MetadataImage& image, const std::shared_ptr<const engine::DataSource>& source,
    const Clock& clock, const SqlSettings& settings);

std::vector<sql::ResultColumn> display_columns(const engine::Schema& schema);

}  // namespace server
