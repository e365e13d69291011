// Converts libpg_query's tree to the engine's syntax tree. Used only by the source files in this
// folder.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "engine/pgsql/tree.h"
#include "engine/sql/ast.h"
#include "engine/sql/grouping_sets.h"
#include "engine/sql/public_schema.h"

namespace engine::pgsql {

// Converts the trees of one text.
//
// Threads: one. Owner: one parse.
class Converter {
 public:
  explicit Converter(std::string_view text, PublicPrefix prefix = PublicPrefix::Omitted);

  Result<Query> query(const Fields& select) const;
  Result<ExpressionPtr> expression(const Node& node) const;
  TextPosition position(int64_t offset) const;
  Result<TypeName> type(const Fields& type) const;  // defined in convert_type.cc
  // Converts a statement that defines or writes something; returns nothing for others.
  Result<std::optional<Statement>> statement(const Node& node) const;
  // Converts CREATE VIEW, except for the text of its SELECT.
  Result<CreateView> create_view(const Fields& fields) const;  // in convert_create_as.cc
  Result<CreateView> create_materialized_view(const Fields& fields) const;
  // Returns the row locks of everything that was converted since the last call.
  RowLocks take_row_locks() const { return std::exchange(row_locks_, {}); }

 private:
  using Built = Result<ExpressionPtr>;

  // The following functions are in convert_query.cc.
  Status add_with(const Fields& select, Query& query) const;
  Status add_items(const Fields& select, Query& query, std::string_view list = "targetList") const;
  Status add_from(const Fields& select, Query& query, std::string_view list = "fromClause") const;
  Status add_first(const Node& node, Query& query) const;
  Status add_source(const Node& node, JoinType type, Query& query) const;
  Status add_join(const Fields& join, Query& query, JoinType type) const;
  Result<AliasedSource> bracketed(const Node& node, TextPosition at) const;
  Result<AliasedSource> source(const Node& node) const;
  Result<AliasedSource> sample(const Fields& fields) const;
  Result<AliasedSource> row_function(const Fields& fields, AliasedSource named) const;
  Result<std::vector<OrderItem>> order(const Fields& select,
                                       std::string_view clause = "sortClause") const;
  Status add_groups(const Fields& select, Query& query) const;
  Result<GroupingItem> grouping(const Node& node) const;

  // The following functions are in convert_row_locks.cc.
  Status note_row_locks(const Fields& select, const Query& query) const;
  struct LockableSource {
    std::string visible_name;
    TableName table;
  };
  Status add_lockable(const Node& source, std::vector<LockableSource>& all) const;

  // Replaces the names of windows in the calls of the SELECT by the definitions that its WINDOW
  // clause gives them.
  Status name_windows(const Fields& select) const;
  Result<OverWindow> window(const Fields& definition) const;
  Status add_call_clauses(const Fields& fields, FunctionCall& call) const;
  Result<SetOperation> combined(const Fields& select) const;
  Result<ExpressionPtr> count(const Fields& select, std::string_view clause) const;
  Result<ExpressionList> expressions(const Fields& fields, std::string_view name) const;

  // The following functions are in convert_expression.cc.
  Built child_of(const Fields& fields, std::string_view name) const;
  // Converts a clause in which null counts as false, such as WHERE.
  Built condition_of(const Fields& fields, std::string_view name) const;
  Built condition(const Node& node) const;
  Built constant(const Fields& fields) const;
  Built column(const Fields& fields) const;
  Built row(const Fields& fields, TextPosition at) const;
  Built operation(const Fields& fields) const;
  Built named_operator(std::string_view op, const Fields& fields) const;
  Built equal_to_one(const Fields& fields, std::string_view op, bool is_any) const;
  static Built compared_with_each(std::string_view op, bool is_any, const ExpressionPtr& left,
                                  ExpressionPtr array, TextPosition at);
  Built similar(const Fields& fields, bool negated) const;
  Built between(const Fields& fields, bool negated, bool is_symmetric = false) const;
  Built in(const Fields& fields, bool negated) const;
  Built like(const Fields& fields, bool negated, bool any_case) const;
  Built logical(const Fields& fields) const;
  Built truth(const Fields& fields) const;
  Built choice(const Fields& fields) const;
  Built call(const Fields& fields) const;
  Built call_of(std::string name, const Fields& fields) const;
  Built value_function(const Fields& fields) const;
  Built subquery(const Fields& fields) const;
  Status check_repeated(const Fields& row, TextPosition at) const;
  static Built compared_lists(ComparisonOp op, const ExpressionList& lefts,
                              const ExpressionList& rights, TextPosition at);
  Built row_of_query(ComparisonOp op, const Fields& row, const Fields& subquery,
                     TextPosition at) const;
  Built compared_rows(ComparisonOp op, const Fields& left, const Fields& right,
                      TextPosition at) const;
  enum class RowMatch : uint8_t { Equal, Unknown };
  Built row_in(const Fields& row, std::shared_ptr<const Query> query, TextPosition at,
               RowMatch match = RowMatch::Equal) const;
  Built row_among(const Fields& subquery, bool negated, TextPosition at) const;
  Built array_of(const Fields& subquery, TextPosition at) const;
  Built indirection(const Fields& fields) const;
  Built type_cast(const Fields& fields) const;

  // The following functions are in convert_interval.cc.
  static bool is_interval(const Node& node);
  // Returns `time` plus (`is_later`) or minus the INTERVAL.
  Built moved_by_interval(ExpressionPtr time, const Fields& interval, bool is_later,
                          TextPosition at) const;

  // The following functions are in convert_statement.cc.
  Result<TableName> table_name(const Fields& relation) const;
  // Returns the name of a relation that exists. It keeps the schema public only if PublicPrefix
  // asks for it.
  Result<TableName> existing_relation(const Fields& relation) const;
  Name existing_name(const std::vector<std::string>& names) const;
  Result<TableElement> table_element(const Fields& column) const;
  Status add_constraint(const Fields& constraint, TableElement& element) const;
  // The next function is in convert_constraint.cc. For a constraint in the definition of a column, `columns` is that
  // column.
  Result<UnenforcedConstraint> unenforced(const Fields& constraint,
                                          std::vector<std::string> columns = {}) const;
  Result<Statement> unique_index(const Fields& index) const;
  Result<Statement> create_table(const Fields& fields) const;
  Result<Statement> create_enumeration(const Fields& fields) const;
  Result<Statement> create_composite(const Fields& fields) const;
  Result<Statement> create_domain(const Fields& fields) const;
  Result<Statement> create_schema(const Fields& fields) const;
  Result<Statement> drop_schemas(const Fields& fields) const;
  Result<Statement> refresh(const Fields& fields) const;
  Result<Statement> rename(const Fields& fields) const;
  // Returns the name with its schema and a dot before it; without a schema, or in public, the name alone.
  static Name in_schema(const std::vector<std::string>& names);
  Result<Statement> drop(const Fields& fields) const;
  Result<Statement> comment(const Fields& fields) const;
  Result<Statement> alter_table(const Fields& fields) const;

  // The following functions are in convert_create_as.cc.
  Result<Statement> create_as(const Fields& fields) const;

  // The following functions are in convert_change.cc.
  Result<Statement> insert(const Fields& fields) const;
  Result<OnConflict> on_conflict(const Fields& clause, const Fields& target) const;
  // `row_values` receives the sub-queries of (a, b) = (SELECT ...) (UpdateRows). If it is null,
  // such assignments are refused.
  Result<std::vector<Assignment>> assignments(const Fields& fields,
                                              ExpressionList* row_values = nullptr) const;
  Built assigned_value(const Node& value, TextPosition at) const;
  Result<ExpressionList> assigned_row(const Fields& several, ExpressionList* row_values,
                                      TextPosition at) const;
  Status add_reads(const Fields& fields, std::string_view list, const TableName& target,
                   const std::optional<Name>& alias, Query& reads) const;
  Result<std::vector<SelectItem>> returning(const Fields& fields) const;
  Result<ExpressionList> inserted_row(const Fields& row) const;
  Result<Statement> update(const Fields& fields) const;
  Result<Statement> remove(const Fields& fields) const;

  // The following functions are in convert_sequence.cc.
  Result<Statement> create_sequence(const Fields& fields) const;
  Result<Statement> alter_sequence(const Fields& fields) const;
  Result<Statement> drop_sequences(const Fields& fields) const;
  Result<SequenceOptions> sequence_options(const Fields& statement) const;
  Result<SequenceOptions::Number> sequence_number(const Fields& option) const;

  // Returns the name of the type, without pg_catalog. Defined in convert_type.cc.
  static std::string type_name(const Fields& type);

  struct NamedWindow {
    std::string name;
    OverWindow window;
  };
  // named windows of the enclosing SELECTs, the innermost last
  mutable std::vector<NamedWindow> windows_;
  mutable RowLocks row_locks_;

  std::optional<int32_t> negative_number(int64_t location) const;

  const std::string text_;
  const PublicPrefix prefix_;
  std::vector<TextPosition> positions_;  // the position of each byte, and of the end of the text
};

// The name of the schema that holds temporary tables.
inline constexpr std::string_view kTemporarySchema = "pg_temp";

// Makes a name. PostgreSQL's parser has folded the name, and does not report whether it was quoted.
// So a name in lower case is treated as a name without quotes.
Name name_of(std::string_view text);
Error not_supported(std::string_view what, TextPosition position);
// Returns the error for a PostgreSQL statement that is not supported. It is a SyntaxError if the
// error of the dialect's own parser is more helpful.
Error refused_statement(const Node& node, std::string_view text, TextPosition at);

}  // namespace engine::pgsql
