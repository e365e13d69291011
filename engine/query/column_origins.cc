#include "engine/query/column_origins.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "engine/query/rows_planning.h"
#include "engine/query/select_names.h"
#include "engine/query/select_row_functions.h"
#include "engine/query/system_rows.h"

namespace engine {

namespace {

// Limit for the nesting of queries that are traced.
constexpr int kMostDepth = 32;

// Names and origins of a query's result columns.
struct NamedRows {
  Schema columns;                     // the types are not used, so all are equal
  std::vector<ColumnOrigin> origins;  // one per column
  std::vector<std::string>
      sources;  // for each column: alias of its source within the query; "" if it has none
};
struct NamedSource {
  SelectSource source;
  std::vector<ColumnOrigin> origins;  // one per column of the source
};

class Tracing {
 public:
  explicit Tracing(const PlanContext& context) : context_(context) {}

  std::optional<NamedRows> rows_of(const Query& query) {
    if (++depth_ > kMostDepth) return std::nullopt;
    const size_t outer = common_tables_.size();
    for (const CommonTable& table : query.with) common_tables_.push_back(&table);
    std::optional<NamedRows> rows = rows_of_body(query);
    common_tables_.resize(outer);
    --depth_;
    return rows;
  }

 private:
  std::optional<NamedRows> rows_of_body(const Query& query) {
    if (query.combined) {
      auto rows = rows_of(*query.combined->left);
      // A column of a set operation has no single origin, so the origins of all columns are
      // removed.
      if (rows) rows->origins.assign(rows->columns.columns.size(), {});
      return rows;
    }
    if (!query.values.empty()) {
      NamedRows rows;
      for (size_t i = 0; i < query.values.front().size(); ++i)
        add(rows, "COLUMN" + std::to_string(i + 1), {});
      return rows;
    }
    std::vector<NamedSource> sources;
    const auto take = [&](const AliasedSource& named) {
      auto source = source_of(named);
      if (source) sources.push_back(*std::move(source));
      return source.has_value();
    };
    if (query.from && !take(*query.from)) return std::nullopt;
    for (const Join& join : query.joins)
      if (!take(join.source)) return std::nullopt;
    std::vector<SelectSource> named;
    for (const NamedSource& each : sources) named.push_back(each.source);
    const auto names = SelectNames::of(query, std::move(named), context_);
    if (!names) return std::nullopt;
    const auto items = names->items(query);
    if (!items) return std::nullopt;
    NamedRows rows;
    for (const AnalysedItem& item : *items) {
      const auto* column = item.expression->as<ColumnRef>();
      add(rows, item.name, column ? origin_of(*column, sources) : ColumnOrigin(),
          column && column->source ? column->source->text : "");
    }
    return rows;
  }

  static void add(NamedRows& rows, std::string name, ColumnOrigin origin, std::string source = {}) {
    rows.columns.columns.push_back({std::move(name), TypeKind::String});
    rows.origins.push_back(std::move(origin));
    rows.sources.push_back(std::move(source));
  }

  static ColumnOrigin origin_of(const ColumnRef& column, const std::vector<NamedSource>& sources) {
    for (const NamedSource& each : sources)
      for (size_t i = 0; i < each.source.columns.size(); ++i) {
        const LayoutColumn& known = each.source.columns[i];
        if (column.source && known.source == column.source->text && known.name == column.name.text)
          return each.origins[i];
      }
    return {};
  }

  std::optional<NamedSource> source_of(const AliasedSource& named) {
    if (named.query && named.name.text.empty()) return bracketed(named);
    if (is_row_function(named)) return of_names(row_function_names(named));
    if (named.query)
      return of_rows(named, named.visible_name().text, named.columns, rows_of(*named.query));
    const auto found =
        std::find_if(common_tables_.rbegin(), common_tables_.rend(), [&](const CommonTable* table) {
          return !named.schema && table->name.text == named.name.text;
        });
    if (found != common_tables_.rend())
      return common(named, static_cast<size_t>(common_tables_.rend() - found) - 1);
    if (const View* view = find_view(named, context_)) return of_view(named, *view);
    if (const SystemTable* table = find_system_table(named, context_)) {
      auto source = query_source(named, named.visible_name().text, named.columns, table->columns);
      const bool has_system_columns = table->columns.index_of(kRowPlace) >= 0;
      if (source)
        std::erase_if(source->shown, [&](const std::string& name) {
          return is_hidden_column(name) && (has_system_columns || name.starts_with(kHiddenColumns));
        });
      return of_names(std::move(source));
    }
    return table_of(named);
  }

  static std::optional<NamedSource> of_names(Result<SelectSource> source) {
    if (!source) return std::nullopt;
    const size_t count = source->columns.size();
    return NamedSource{*std::move(source), std::vector<ColumnOrigin>(count)};
  }

  static std::optional<NamedSource> of_rows(const AliasedSource& named, const std::string& alias,
                                            const std::vector<Name>& columns,
                                            std::optional<NamedRows> rows) {
    if (!rows) return std::nullopt;
    auto source = query_source(named, alias, columns, rows->columns);
    if (!source) return std::nullopt;
    return NamedSource{*std::move(source), std::move(rows->origins)};
  }

  // Traces a table of WITH. A query in WITH may read the tables listed before it. A recursive query
  // may also read itself; its origins are not determined by names, so it is not traced.
  std::optional<NamedSource> common(const AliasedSource& named, size_t place) {
    const CommonTable& table = *common_tables_[place];
    if (table.recursive) return std::nullopt;
    const auto [traced, is_new] = traced_.try_emplace(&table);
    if (is_new) {
      const std::vector<const CommonTable*> all = common_tables_;
      common_tables_.resize(place);
      traced->second = rows_of(*table.query);
      common_tables_ = all;
    }
    std::vector<Name> columns = named.columns;
    for (size_t i = columns.size(); i < table.columns.size(); ++i)
      columns.push_back(table.columns[i]);
    return of_rows(named, named.visible_name().text, columns, traced->second);
  }

  std::optional<NamedSource> of_view(const AliasedSource& named, const View& view) {
    if (!view.query) return std::nullopt;
    const auto around = std::exchange(common_tables_, {});
    std::optional<NamedRows> rows = rows_of(*view.query);
    common_tables_ = around;
    std::vector<Name> columns = named.columns;
    for (size_t i = columns.size(); i < view.column_names.size(); ++i)
      columns.push_back({view.column_names[i], Quoting::Back});
    return of_rows(named, named.visible_name().text, columns, std::move(rows));
  }

  std::optional<NamedSource> bracketed(const AliasedSource& named) {
    auto rows = rows_of(*named.query);
    if (!rows) return std::nullopt;
    SelectSource source{nullptr, "\x04" + std::to_string(bracketed_++), {}, {}, named.position};
    source.is_bracketed = true;
    for (size_t i = 0; i < rows->columns.columns.size(); ++i) {
      const std::string& name = rows->columns.columns[i].name;
      source.columns.push_back({rows->sources[i], name, TypeKind::String});
      source.shown.push_back(name);
    }
    return NamedSource{std::move(source), std::move(rows->origins)};
  }

  std::optional<NamedSource> table_of(const AliasedSource& named) {
    const auto found = resolve_source(named, context_);
    if (!found) return std::nullopt;
    NamedSource made{table_source(*found), {}};
    SelectSource& source = made.source;
    for (const LayoutColumn& column : source.columns)
      made.origins.push_back({found->source, column.name});
    if (!rename_columns(named, source)) return std::nullopt;
    return made;
  }

  const PlanContext& context_;
  std::vector<const CommonTable*> common_tables_;
  // Results of tables in WITH, which are computed once. A query in WITH may read the query before
  // it twice, so without this map the number of visits would double with each query.
  std::map<const CommonTable*, std::optional<NamedRows>> traced_;
  size_t bracketed_ = 0;
  int depth_ = 0;
};

}  // namespace

std::vector<ColumnOrigin> column_origins(const Query& query, const PlanContext& context) {
  auto rows = Tracing(context).rows_of(query);
  return rows ? std::move(rows->origins) : std::vector<ColumnOrigin>();
}

}  // namespace engine
