#include "server/metadata/plan_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "base/clock.h"
#include "base/random.h"
#include "engine/pgsql/parse_postgres.h"
#include "engine/query/select_rows.h"
#include "engine/query/view_query.h"
#include "engine/system_tables/system_catalog.h"
#include "engine/types/ascii.h"
#include "server/metadata/view_text.h"

namespace server {

namespace {

using engine::display_name;
using engine::View;
using engine::ViewPtr;

const View* find_view(const engine::Catalog& catalog, const std::string& name) {
  const ViewPtr* found = catalog.views.get(name);
  return found ? found->get() : nullptr;
}

// Returns a name in double quotes, spelled as psql shows it: orders, shop.orders.
std::string quoted(const std::string& name) { return fmt::format("\"{}\"", display_name(name)); }

Error unknown(const engine::TableName& name, std::string_view kind) {
  return Error{ErrorCode::UndefinedSource,
               fmt::format("{} {} does not exist", kind, quoted(name.name.text))}
      .at(name.position)
      .with_hint(kind == "view" ? "SELECT viewname FROM pg_views lists the views."
                 : kind == "materialized view"
                     ? "SELECT matviewname FROM pg_matviews lists the materialized views."
                     : "SHOW STREAMS and SHOW TABLES list the streams and tables.");
}

Status check_owner_of_view(const View& view, const MetadataImage& image, const Asker& asker) {
  if (is_superuser(*image.users, asker) || view.owner_role == asker) return {};
  return Error{ErrorCode::InsufficientPrivilege,
               fmt::format("must be owner of view {}", display_name(view.name))};
}

// The planned SELECT of a view: its result columns, and the names of all relations that it reads.
struct PlannedView {
  engine::Schema columns;
  std::vector<std::string> reads;
};

Result<PlannedView> plan_select(const View& view, const engine::PlanContext& around) {
  engine::PlanContext context = around;
  context.system_tables = &engine::system_tables();
  const SystemClock clock;
  Random random(1);
  const engine::EvalContext eval{clock, random, &context.properties};
  engine::SelectRowsPlan plan = TRY(engine::plan_select_rows(*view.query, context, eval));
  PlannedView planned{std::move(plan.result), std::move(plan.views)};
  for (const auto& table : plan.tables) planned.reads.push_back(table->table->name);
  std::ranges::sort(planned.reads);
  const auto doubles = std::ranges::unique(planned.reads);
  planned.reads.erase(doubles.begin(), doubles.end());
  return planned;
}

Status name_columns(const View& view, engine::Schema& columns, TextPosition at) {
  if (view.column_names.size() > columns.columns.size())
    return Error{ErrorCode::SyntaxError, "CREATE VIEW specifies more column names than columns"}.at(
        at);
  for (size_t i = 0; i < view.column_names.size(); ++i)
    columns.columns[i].name = view.column_names[i];
  std::set<std::string> names;
  for (const engine::ColumnDef& column : columns.columns)
    if (!names.insert(column.name).second)
      return Error{
          ErrorCode::DuplicateColumn,
          fmt::format("column {} specified more than once", quoted(column.name)),
          {},
          "Name the columns of the view: CREATE VIEW name (a, b) AS ..., or SELECT a AS b."}
          .at(at);
  return {};
}

// Fails unless the new view has all columns of the old one, in the same order, and adds columns
// only after them, as in PostgreSQL: programs use the names of the old view's columns.
Status check_replaced(const engine::Schema& old, const engine::Schema& next, TextPosition at) {
  const auto refuse = [&](std::string message) {
    return Error{ErrorCode::InvalidStatement,
                 std::move(message),
                 {},
                 "DROP VIEW and CREATE VIEW make another one of this name."}
        .at(at);
  };
  if (next.columns.size() < old.columns.size()) return refuse("cannot drop columns from view");
  for (size_t i = 0; i < old.columns.size(); ++i) {
    const engine::ColumnDef &before = old.columns[i], &after = next.columns[i];
    if (before.name != after.name)
      return refuse(fmt::format("cannot change name of view column {} to {}", quoted(before.name),
                                quoted(after.name)));
    if (before.type != after.type)
      return refuse(fmt::format("cannot change data type of view column {} from {} to {}",
                                quoted(before.name), before.type.to_string(),
                                after.type.to_string()));
  }
  return {};
}

struct Renaming {
  const std::string &from, &to;
  TextPosition position;

  const std::string& of(const std::string& name) const { return name == from ? to : name; }
};

Status rename_source(const engine::DataSource& source, const Renaming& renaming,
                     const MetadataImage& image, std::vector<DefinitionChange>& changes) {
  if (source.is_temporary)
    return Error{ErrorCode::NotSupported,
                 "to RENAME a temporary table is not supported yet",
                 {},
                 "CREATE TEMP TABLE another one, and INSERT INTO it SELECT * FROM the first."}
        .at(renaming.position);
  if (source.read_only && source.created_by.empty() && source.sql.empty())
    return Error{ErrorCode::ObjectState,
                 fmt::format("{} belongs to the server and keeps its name", quoted(renaming.from))}
        .at(renaming.position);
  auto next = std::make_shared<engine::DataSource>(source);
  next->name = renaming.to;
  changes.push_back(EraseSource{renaming.from});
  changes.push_back(PutSource{std::move(next)});
  const engine::Catalog& catalog = *image.catalog;
  std::set<std::string> ids;
  for (const std::string& id : catalog.readers_of(renaming.from)) ids.insert(id);
  for (const std::string& id : catalog.writers_of(renaming.from)) ids.insert(id);
  if (const DefinedQuery* keeper = image.materializer_of(source)) ids.insert(keeper->query->id);
  for (const std::string& id : ids) {
    const DefinedQueryPtr query = image.find_query(id);
    if (!query) continue;
    if (!query->query->rebuilds.empty() || query->stands)
      return Error{ErrorCode::ObjectState,
                   fmt::format("query {} takes the place of another one of {} at the moment", id,
                               quoted(renaming.from)),
                   {},
                   "Rename it when SHOW QUERIES lists one query for it."}
          .at(renaming.position);
    SetQueryNames names{id, renaming.of(query->query->sink), query->query->sources};
    for (std::string& each : names.sources) each = renaming.of(each);
    changes.push_back(std::move(names));
  }
  for (const auto& [name, sequence] : catalog.sequences)
    if (sequence->owner_table == renaming.from) {
      auto owned = std::make_shared<engine::Sequence>(*sequence);
      owned->owner_table = renaming.to;
      changes.push_back(PutSequence{std::move(owned)});
    }
  return {};
}

Status rename_view(const View& view, const Renaming& renaming, const MetadataImage& image,
                   const Asker& asker, std::vector<DefinitionChange>& changes) {
  TRY(check_owner_of_view(view, image, asker));
  auto next = std::make_shared<View>(view);
  next->name = renaming.to;
  changes.push_back(EraseView{renaming.from});
  changes.push_back(PutView{std::move(next)});
  return {};
}

// Renames the relation in the views that read it. The text of a view has the names that the relations had when the
// view was created.
Status rename_in_views(const Renaming& renaming, const engine::Catalog& catalog,
                       std::vector<DefinitionChange>& changes) {
  for (const auto& [name, other] : catalog.views) {
    if (std::ranges::find(other->reads, renaming.from) == other->reads.end()) continue;
    auto next = std::make_shared<View>(*other);
    for (std::string& each : next->reads) each = renaming.of(each);
    bool is_followed = false;
    for (auto& [written, now] : next->renames)
      if (now == renaming.from) {
        now = renaming.to;
        is_followed = true;
      }
    if (!is_followed) next->renames[renaming.from] = renaming.to;
    TRY(parse_view(*next));
    changes.push_back(PutView{std::move(next)});
  }
  return {};
}

}  // namespace

Result<RelationChanges> plan_create_view(const engine::CreateView& create,
                                         const engine::PlanContext& context,
                                         const MetadataImage& image, const Asker& asker) {
  const std::string& name = create.name.name.text;
  const TextPosition at = create.name.position;
  if (context.settings.ksqldb_compat)
    return Error{ErrorCode::NotSupported,
                 "CREATE VIEW is not a statement of ksqlDB",
                 {},
                 "Start the server without --compat ksqldb."}
        .at(at);
  if (create.query->emit != engine::Emit::None)
    return Error{ErrorCode::InvalidStatement,
                 "the SELECT of a view has no EMIT",
                 {},
                 "CREATE STREAM|TABLE name AS SELECT ... EMIT CHANGES keeps the result of a query."}
        .at(create.query->positions.emit.value_or(at));
  const View* old = find_view(*image.catalog, name);
  if (image.catalog->find_source(name) || image.catalog->sequences.get(name))
    return create.or_replace
               ? Error{ErrorCode::WrongObjectType, fmt::format("{} is not a view", quoted(name))}
                     .at(at)
               : Error{ErrorCode::DuplicateSource,
                       fmt::format("relation {} already exists", quoted(name))}
                     .at(at);
  if (old && !create.or_replace)
    return Error{ErrorCode::DuplicateSource,
                 fmt::format("relation {} already exists", quoted(name)),
                 {},
                 "CREATE OR REPLACE VIEW gives it another SELECT."}
        .at(at);
  if (old) TRY(check_owner_of_view(*old, image, asker));
  auto view = std::make_shared<View>();
  view->name = name;
  view->sql = create.query_sql;
  view->is_postgres = create.is_postgres;
  for (const engine::Name& column : create.columns) view->column_names.push_back(column.text);
  view->owner_role = old ? old->owner_role : asker.value_or("");
  if (old) view->comments = old->comments;
  view->query = create.query;
  PlannedView planned = TRY(plan_select(*view, context));
  if (std::ranges::find(planned.reads, name) != planned.reads.end())
    return Error{ErrorCode::InvalidStatement,
                 fmt::format("view {} would read itself", quoted(name))}
        .at(at);
  TRY(name_columns(*view, planned.columns, at));
  if (old) TRY(check_replaced(old->columns, planned.columns, at));
  view->columns = std::move(planned.columns);
  view->reads = std::move(planned.reads);
  return RelationChanges{{PutView{std::move(view)}}};
}

Result<RelationChanges> plan_drop_views(const engine::DropViews& drop, const MetadataImage& image,
                                        const Asker& asker) {
  RelationChanges result;
  for (const engine::TableName& each : drop.names) {
    const std::string& name = each.name.text;
    if (const View* view = find_view(*image.catalog, name)) {
      TRY(check_owner_of_view(*view, image, asker));
      result.changes.push_back(EraseView{name});
      continue;
    }
    if (const engine::DataSource* source = image.catalog->find_source(name)) {
      const std::string_view word = image.catalog->is_view(*source) ? "MATERIALIZED VIEW"
                                    : source->kind == engine::SourceKind::Table ? "TABLE"
                                                                                : "STREAM";
      return Error{ErrorCode::WrongObjectType,
                   fmt::format("{} is not a view", quoted(name)),
                   {},
                   fmt::format("Use DROP {}.", word)}
          .at(each.position);
    }
    if (!drop.if_exists) return unknown(each, "view");
    result.notices.push_back(fmt::format("view {} does not exist, skipping", quoted(name)));
  }
  return result;
}

Result<engine::PlannedQuery> plan_materialized(const engine::CreateView& create,
                                               const engine::ParsedStatement& statement,
                                               const engine::PlanContext& around) {
  engine::PlanContext context = around;
  context.system_tables = &engine::system_tables();
  const SystemClock clock;
  Random random(1);
  const engine::EvalContext eval{clock, random, &context.properties};
  return engine::plan_materialized_view(create, statement, context, eval);
}

namespace {

// Limit for the statement in a hint. A longer one would hide the error above it.
constexpr size_t kMostHintBytes = 2'000;

bool is_blank(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

// Returns the SELECT of a CREATE ... AS, without EMIT; empty if the text has another form.
std::string_view text_of_select(const engine::CreateAsSelect& create,
                                const engine::ParsedStatement& statement) {
  const std::string_view text = statement.text;
  const auto offset_of = [&](const TextPosition& at) {
    return std::min<size_t>(at.offset - std::min(at.offset, statement.start.offset), text.size());
  };
  size_t end = text.size();
  if (create.query.positions.emit) end = offset_of(*create.query.positions.emit);
  // The first AS outside of brackets and quotes follows the name and the WITH clause of the CREATE.
  int depth = 0;
  char quote = '\0';
  for (size_t at = offset_of(create.name_position); at + 4 < end; ++at) {
    const char c = text[at];
    if (quote != '\0') {
      if (c == quote) quote = '\0';
    } else if (c == '\'' || c == '"' || c == '`') {
      quote = c;
    } else if (c == '(' || c == ')') {
      depth += c == '(' ? 1 : -1;
    } else if (depth == 0 && is_blank(c) && is_blank(text[at + 3]) &&
               engine::lower_case(text.substr(at + 1, 2)) == "as") {
      std::string_view select = text.substr(at + 4, end - at - 4);
      while (!select.empty() && (is_blank(select.back()) || select.back() == ';'))
        select.remove_suffix(1);
      return select;
    }
  }
  return {};
}

// Returns whether the SELECT itself is the cause of the refusal: it is refused under another name,
// too, without a WITH clause, and for both a stream and a table. Otherwise the rest of the
// statement is the cause.
bool is_select_refused(const engine::CreateAsSelect& create,
                       const engine::ParsedStatement& statement,
                       const engine::PlanContext& context) {
  for (const engine::SourceKind kind : {engine::SourceKind::Stream, engine::SourceKind::Table}) {
    engine::CreateAsSelect bare;
    bare.kind = kind;
    bare.name = {create.name.text + "__", create.name.quoting};
    bare.name_position = create.name_position;
    bare.query = clone(create.query);
    if (engine::plan_create_as(bare, statement, context)) return false;
  }
  return true;
}

}  // namespace

Error with_view_hint(Error error, const engine::CreateAsSelect& create,
                     const engine::ParsedStatement& statement, const engine::PlanContext& around) {
  if (error.code == ErrorCode::DuplicateSource || error.code == ErrorCode::InsufficientPrivilege ||
      error.code == ErrorCode::UndefinedSource || create.is_temporary ||
      around.settings.ksqldb_compat)
    return error;
  const std::string_view select = text_of_select(create, statement);
  if (select.empty() || select.size() > kMostHintBytes) return error;
  const std::string text =
      fmt::format("CREATE MATERIALIZED VIEW {} AS {};", display_name(create.name.text), select);
  // The check uses PostgreSQL's parser, since the SELECT may have words that only ksqlDB knows.
  const auto parsed = engine::parse_postgres(text);
  if (!parsed || parsed->size() != 1) return error;
  engine::CreateView view;
  view.name = {create.name, create.name_position};
  view.is_materialized = true;
  engine::Query query = clone(create.query);
  query.emit = engine::Emit::None;
  view.query = std::make_shared<const engine::Query>(std::move(query));
  engine::PlanContext context = around;
  context.registrar = nullptr;  // a check registers no schemas
  if (!is_select_refused(create, statement, context)) return error;
  const std::string before = error.hint.empty() ? "" : error.hint + " ";
  if (plan_materialized(view, statement, context))
    return std::move(error).with_hint(
        fmt::format("{}A materialized view can have this SELECT: {}", before, text));
  if (error.code != ErrorCode::NotSupported) return error;  // the other hints are simpler to follow
  // A view over a stream may need the setting that allows its state to grow as long as the stream does.
  engine::Properties properties = around.properties;
  properties["view.unbounded_state"] = "on";
  const engine::PlanContext unbounded{.catalog = around.catalog,
                                      .topics = around.topics,
                                      .settings = around.settings,
                                      .properties = properties,
                                      .parameters = around.parameters,
                                      .fold_quoted_names = around.fold_quoted_names,
                                      .registrar = nullptr,
                                      .system_tables = around.system_tables,
                                      .may_read = around.may_read,
                                      .temporary = around.temporary};
  if (!plan_materialized(view, statement, unbounded)) return error;
  return std::move(error).with_hint(
      fmt::format("{}A materialized view can have this SELECT, with a state that grows as long as "
                  "the stream does: SET view.unbounded_state = on; {}",
                  before, text));
}

namespace {

// Returns whether pg_class lists the source as a materialized view, as it does for the results of
// CREATE TABLE ... AS. When tools drop or rename a relation, they name the kind that is listed.
bool is_listed_as_view(const engine::DataSource& source) {
  return source.kind == engine::SourceKind::Table && !source.created_by.empty();
}

}  // namespace

Result<bool> is_materialized_view(const engine::TableName& name, bool if_exists,
                                  const engine::Catalog& catalog) {
  const engine::DataSource* source = catalog.find_source(name.name.text);
  if (source && is_listed_as_view(*source)) return true;
  const bool is_view = find_view(catalog, name.name.text) != nullptr;
  if (!source && !is_view) {
    if (if_exists) return false;
    return unknown(name, "materialized view");
  }
  return Error{ErrorCode::WrongObjectType,
               fmt::format("{} is not a materialized view", quoted(name.name.text)),
               {},
               fmt::format("Use DROP {}.", is_view                                     ? "VIEW"
                                           : source->kind == engine::SourceKind::Table ? "TABLE"
                                                                                       : "STREAM")}
      .at(name.position);
}

Result<RelationChanges> plan_rename(const engine::RenameRelation& rename,
                                    const MetadataImage& image, const Asker& asker) {
  const engine::Catalog& catalog = *image.catalog;
  const std::string& from = rename.name.name.text;
  const size_t dot = from.rfind('.');
  const bool is_in_schema =
      dot != std::string::npos && catalog.schemas.contains(from.substr(0, dot));
  const std::string to =
      is_in_schema ? from.substr(0, dot + 1) + rename.new_name.text : rename.new_name.text;
  const engine::DataSource* source = catalog.find_source(from);
  const View* view = find_view(catalog, from);
  const std::string_view word = rename.kind == engine::RelationKind::Stream ? "stream"
                                : rename.kind == engine::RelationKind::View ? "view"
                                : rename.kind == engine::RelationKind::MaterializedView
                                    ? "materialized view"
                                    : "relation";
  if (!source && !view) {
    if (!rename.if_exists) return unknown(rename.name, word);
    return RelationChanges{{}, {fmt::format("{} {} does not exist, skipping", word, quoted(from))}};
  }
  const bool is_stream = source && source->kind == engine::SourceKind::Stream;
  const bool is_kept = source && is_listed_as_view(*source);
  const bool is_other = rename.kind == engine::RelationKind::View               ? !view
                        : rename.kind == engine::RelationKind::MaterializedView ? !is_kept
                        : rename.kind == engine::RelationKind::Stream           ? !is_stream
                                                                                : is_stream;
  if (is_other)
    return Error{ErrorCode::WrongObjectType,
                 fmt::format("{} is not a {}", quoted(from),
                             rename.kind == engine::RelationKind::Table ? "table" : word),
                 {},
                 fmt::format("Use ALTER {} ... RENAME TO.", view        ? "VIEW"
                                                            : is_kept   ? "MATERIALIZED VIEW"
                                                            : is_stream ? "STREAM"
                                                                        : "TABLE")}
        .at(rename.name.position);
  if (catalog.find_source(to) || find_view(catalog, to) || catalog.sequences.get(to))
    return Error{ErrorCode::DuplicateSource, fmt::format("relation {} already exists", quoted(to))}
        .at(rename.name.position);
  RelationChanges result;
  const Renaming renaming{from, to, rename.name.position};
  if (source)
    TRY(rename_source(*source, renaming, image, result.changes));
  else
    TRY(rename_view(*view, renaming, image, asker, result.changes));
  TRY(rename_in_views(renaming, catalog, result.changes));
  return result;
}

Result<RelationChanges> comment_on_view(const engine::CommentOn& comment, const View& view,
                                        const MetadataImage& image, const Asker& asker) {
  TRY(check_owner_of_view(view, image, asker));
  const std::string column = comment.column ? comment.column->name.text : "";
  if (comment.column && view.columns.index_of(column) < 0)
    return Error{ErrorCode::UndefinedColumn, fmt::format("column {} of relation {} does not exist",
                                                         quoted(column), quoted(view.name))}
        .at(comment.column->position);
  auto next = std::make_shared<View>(view);
  next->comments.erase(column);
  if (comment.text && !comment.text->empty()) next->comments[column] = *comment.text;
  if (next->comments == view.comments) return RelationChanges{};
  return RelationChanges{{PutView{std::move(next)}}};
}

Status add_dependent_views(std::vector<DefinitionChange>& changes,
                           std::vector<std::string>& notices, bool cascade,
                           const engine::PlanContext& context, const MetadataImage& image) {
  if (image.catalog->views.empty()) return {};
  std::set<std::string> gone, changed, views_gone, views_put, types_gone;
  for (const DefinitionChange& change : changes) {
    if (const auto* erase = std::get_if<EraseSource>(&change)) gone.insert(erase->name);
    if (const auto* erase = std::get_if<EraseView>(&change)) {
      gone.insert(erase->name);
      views_gone.insert(erase->name);
    }
    if (const auto* erase = std::get_if<EraseType>(&change)) types_gone.insert(erase->name);
    if (const auto* put = std::get_if<PutView>(&change)) views_put.insert(put->view->name);
    if (const auto* put = std::get_if<PutSource>(&change)) {
      const engine::DataSource* before = image.catalog->find_source(put->source->name);
      if (before && before->schema != put->source->schema) changed.insert(put->source->name);
    }
  }
  for (const DefinitionChange& change : changes)
    if (const auto* put = std::get_if<PutSource>(&change)) gone.erase(put->source->name);
  if (gone.empty() && changed.empty() && types_gone.empty()) return {};
  engine::Catalog next = *image.catalog;
  for (const DefinitionChange& change : changes)
    if (const auto* put = std::get_if<PutSource>(&change)) next.put(put->source);
  for (const std::string& name : types_gone) next.types.erase(name);
  const engine::PlanContext of_next{.catalog = next,
                                    .topics = context.topics,
                                    .settings = context.settings,
                                    .properties = context.properties,
                                    .fold_quoted_names = context.fold_quoted_names};
  std::vector<DefinitionChange> more;
  const auto drop_too = [&](const std::string& name) {
    notices.push_back(fmt::format("drop cascades to view {}", display_name(name)));
    more.push_back(EraseView{name});
  };
  for (const auto& [name, view] : image.catalog->views) {
    if (views_gone.contains(name) || views_put.contains(name)) continue;
    const auto reads_one_of = [&](const std::set<std::string>& names) {
      return std::ranges::find_if(view->reads,
                                  [&](const auto& each) { return names.contains(each); });
    };
    if (const auto found = reads_one_of(gone); found != view->reads.end()) {
      if (!cascade)
        return Error{
            ErrorCode::DependentObjects,
            fmt::format("cannot drop {} because other objects depend on it", display_name(*found)),
            fmt::format("view {} depends on {}", display_name(name), display_name(*found)),
            "Use DROP ... CASCADE to drop the dependent objects too."};
      drop_too(name);
      continue;
    }
    // The catalog does not store the types of a view. So the SELECT is planned to find out whether
    // the view uses the dropped types. For most views one plan suffices: it succeeds without the
    // types.
    if (!types_gone.empty() && view->query && !plan_select(*view, of_next) &&
        plan_select(*view, context)) {
      const std::string shown = display_name(*types_gone.begin());
      if (!cascade)
        return Error{ErrorCode::DependentObjects,
                     fmt::format("cannot drop type {} because other objects depend on it", shown),
                     fmt::format("view {} depends on type {}", display_name(name), shown),
                     "DROP VIEW first."};
      drop_too(name);
      continue;
    }
    const auto found = reads_one_of(changed);
    if (found == view->reads.end() || !view->query) continue;
    auto planned = plan_select(*view, of_next);
    const auto refuse = [&](std::string detail) {
      return Error{ErrorCode::DependentObjects,
                   fmt::format("cannot change {} because view {} depends on it",
                               display_name(*found), display_name(name)),
                   std::move(detail), "DROP VIEW, change the table, and CREATE VIEW again."};
    };
    if (!planned) return refuse(fmt::format("Its SELECT would fail: {}.", planned.error().message));
    if (const Status named = name_columns(*view, planned->columns, {}); !named)
      return refuse(fmt::format("Its SELECT would fail: {}.", named.error().message));
    if (planned->columns == view->columns) continue;
    auto put = std::make_shared<View>(*view);
    put->columns = std::move(planned->columns);
    put->reads = std::move(planned->reads);
    more.push_back(PutView{std::move(put)});
  }
  std::ranges::move(more, std::back_inserter(changes));
  return {};
}

}  // namespace server
