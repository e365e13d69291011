// Name resolution in a SELECT over tables: sources, columns, `*`, and names of result columns.
#pragma once
#include <string>
#include <vector>

#include "engine/plan/analysis.h"

namespace engine {

// A source of a SELECT: a table, or the rows of another query.
struct SelectSource {
  const DataSource* table;  // null: a query
  std::string alias;        // name by which the SELECT addresses it
  Layout columns;
  std::vector<std::string> shown;  // columns that `*` shows: keys, window bounds, values
  TextPosition position;
  bool is_bracketed = false;  // a join in parentheses: columns keep the names of the sources within
  bool is_function = false;   // f(x) AS alias
};
SelectSource table_source(const AnalysedSource& found);
// Renames the columns that `*` shows: FROM t AS a (x, y).
Status rename_columns(const AliasedSource& named, SelectSource& source);
// Fails if `names` has more entries than the rows have columns.
Result<SelectSource> query_source(const AliasedSource& named, const std::string& alias,
                                  const std::vector<Name>& names, const Schema& rows);

// The sources of one SELECT, and the consecutive columns of all of them.
//
// Threads: none. Owner: the planning of one statement.
class SelectNames {
 public:
  // `sources`: the sources of the query, in order. Fails with DuplicateSource if two have one name, and if a column of
  // USING is missing on one side.
  static Result<SelectNames> of(const Query& query, std::vector<SelectSource> sources,
                                const PlanContext& context);

  const std::vector<SelectSource>& sources() const { return sources_; }
  const Layout& layout() const { return layout_; }
  // Returns the index of the source's first column in the layout; for sources().size(), the end of the last source.
  size_t first_column(size_t source) const { return first_columns_[source]; }
  size_t source_of(uint32_t column) const;

  Scope scope(const Layout& layout, std::string_view clause) const;
  // Names by which the columns of the first `sources` sources can be addressed.
  std::vector<std::string> names_of_first(size_t sources) const;

  // The equalities of a join's USING.
  const std::vector<ExpressionPtr>& using_equalities(size_t join) const {
    return using_equalities_[join];
  }

  // Returns a copy whose references all have one form, so that expressions with the same meaning are equal.
  Result<ExpressionPtr> canonical(const Expression& expression, std::string_view clause) const;
  // Considers only the first `sources` sources, as a join does.
  Result<ExpressionPtr> canonical_among(const Expression& expression, std::string_view clause,
                                        size_t sources) const;
  // Returns the items after expansion of `*` and `->*`, in canonical form.
  Result<std::vector<AnalysedItem>> items(const Query& query) const;

 private:
  explicit SelectNames(const PlanContext& context) : context_(context) {}
  Status write_columns_out(FunctionCall& row) const;
  Status rewrite(Expression& expression, const Scope& scope,
                 std::vector<std::string>& parameters) const;
  Status merge_columns(const Query& query);
  Status expand_star(const SelectItem& item, std::vector<AnalysedItem>& out) const;
  Status expand_fields(const SelectItem& item, std::vector<AnalysedItem>& out) const;

  // A column of USING, which belongs to both sources.
  struct Merged {
    std::string name;
    uint32_t column;               // represents both
    std::vector<uint32_t> others;  // not shown again by `*`
    bool is_either = false;        // FULL JOIN: the value is the first one that is not null
  };
  ExpressionPtr reference(uint32_t column, TextPosition position) const;
  ExpressionPtr value_of(const Merged& merged, TextPosition position) const;
  std::vector<Name> merged_names(const Join& join, size_t right) const;

  const PlanContext& context_;
  std::vector<SelectSource> sources_;
  std::vector<Merged> merged_;
  std::vector<std::vector<ExpressionPtr>> using_equalities_;  // by join
  std::vector<size_t> first_columns_;
  Layout layout_;
};

}  // namespace engine
