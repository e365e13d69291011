#include "server/metadata/view_text.h"

#include <memory>
#include <set>
#include <string>
#include <utility>

#include "engine/pgsql/parse_postgres.h"
#include "engine/types/ascii.h"

namespace server {

namespace {

using engine::AliasedSource;
using engine::ExpressionPtr;
using engine::Query;

// Whether a name written in a SELECT means the relation `name`, in one of the forms that
// find_source() tries.
bool means(const engine::AliasedSource& written, const std::string& name) {
  std::string schema;
  if (written.schema && !engine::equals_ignoring_case(written.schema->text, "public"))
    schema = engine::upper_case(written.schema->text) + ".";
  const std::string& text = written.name.text;
  return schema + text == name ||
         (written.name.quoting == engine::Quoting::Double &&
          schema + engine::upper_case(text) == name) ||
         (written.name.quoting == engine::Quoting::None &&
          schema + engine::lower_case(text) == name);
}

// Replaces earlier names of relations in a SELECT by the present ones; names that WITH defines are
// not relations.
class TextRenaming {
 public:
  explicit TextRenaming(const std::map<std::string, std::string>& names) : names_(names) {}

  void rename(Query& query, std::set<std::string> common) const {
    for (const engine::CommonTable& table : query.with) common.insert(table.name.text);
    for (engine::CommonTable& table : query.with) within(table.query, common);
    if (query.combined) {
      within(query.combined->left, common);
      within(query.combined->right, common);
    }
    if (query.from) rename(*query.from, common);
    for (engine::Join& join : query.joins) {
      rename(join.source, common);
      within(join.on, common);
    }
    for (engine::SelectItem& item : query.items) within(item.expression, common);
    for (engine::ExpressionList& row : query.values) within(row, common);
    for (engine::OrderItem& item : query.order_by) within(item.expression, common);
    for (engine::ExpressionList* list : {&query.distinct_on, &query.group_by, &query.partition_by})
      within(*list, common);
    within(query.where, common);
    within(query.having, common);
  }

 private:
  // Gives a relation in the SELECT its present name. The old name becomes its alias, because other
  // parts of the SELECT use the old name to qualify columns.
  void rename(AliasedSource& source, const std::set<std::string>& common) const {
    if (source.query) return within(source.query, common);
    if (!source.schema && common.contains(source.name.text)) return;
    for (const auto& [written, now] : names_) {
      if (!means(source, written)) continue;
      if (!source.alias) source.alias = source.name;
      source.schema.reset();
      source.name = {now, engine::Quoting::Back};
      return;
    }
  }
  // Clones the query before it is changed, because copies of a syntax tree share the queries within
  // it.
  void within(std::shared_ptr<const Query>& query, const std::set<std::string>& common) const {
    if (!query) return;
    Query own = clone(*query);
    rename(own, common);
    query = std::make_shared<const Query>(std::move(own));
  }
  void within(engine::ExpressionList& list, const std::set<std::string>& common) const {
    for (ExpressionPtr& each : list) within(each, common);
  }
  void within(ExpressionPtr& expression, const std::set<std::string>& common) const {
    if (!expression) return;
    for (ExpressionPtr* child : children(*expression)) within(*child, common);
    if (auto* subquery = std::get_if<engine::Subquery>(&expression->node))
      within(subquery->query, common);
  }

  const std::map<std::string, std::string>& names_;
};

}  // namespace

Status parse_view(engine::View& view) {
  view.query = nullptr;
  auto parsed = engine::parse_select(view.sql, view.is_postgres);
  if (!parsed) {
    view.unreadable = parsed.error().message;
    return std::move(parsed).error();
  }
  if (!view.renames.empty()) TextRenaming(view.renames).rename(*parsed, {});
  view.query = std::make_shared<const Query>(*std::move(parsed));
  view.unreadable.clear();
  return {};
}

}  // namespace server
