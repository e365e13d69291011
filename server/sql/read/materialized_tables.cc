#include "server/sql/read/materialized_tables.h"

#include <fmt/format.h>

#include <utility>

#include "engine/types/ascii.h"
#include "server/tasks/query_tasks.h"

namespace server {

Result<MaterializedTable> find_kept_table(const MetadataImage& image,
                                          const std::shared_ptr<const engine::DataSource>& table) {
  if (const DefinedQuery* materializer = image.materializer_of(*table))
    return MaterializedTable{table, image.find_query(materializer->query->id)};
  return Error{ErrorCode::ObjectState,
               fmt::format("no query keeps the rows of table {}", table->name)};
}

bool is_current(const SqlParts& parts, const DefinedQuery& query) {
  const DefinedQueryPtr now = parts.definitions.image()->find_query(query.plan->id);
  return now && now->plan == query.plan;
}

// Uses the present metadata image: a dropped table first disappears from the image, and its tasks
// end later.
NotKept not_kept(SqlParts& parts, const MaterializedTable& kept) {
  const MetadataImagePtr now = parts.definitions.image();
  const std::string& table = kept.table->name;
  const auto in_a_moment = [](std::string message) {
    return NotKept{{ErrorCode::ObjectState, std::move(message), {}, "Try again in a moment."},
                   true};
  };
  if (!now->catalog->find_source(table))
    return {{ErrorCode::UndefinedSource,
             fmt::format("table {} was dropped during the look-up", table)}};
  if (!now->find_query(kept.query_id()))
    return in_a_moment(fmt::format("query {}, which kept table {}, ended during the look-up",
                                   kept.query_id(), table));
  if (now->find_query(kept.query_id())->plan != kept.query->plan)
    return in_a_moment(
        fmt::format("the query that keeps table {} was replaced during the look-up", table));
  const auto [since, is_starting, trouble] = parts.supervisor.health_of(kept.query_id());
  if (is_starting || !trouble)
    return in_a_moment(fmt::format("the query that keeps table {} is restarting", table));
  return {
      {ErrorCode::ObjectState,
       fmt::format("table {} cannot be read: its query {} is not running", table, kept.query_id()),
       trouble->error.message, trouble->error.hint},
      trouble->kind == QuerySupervisor::Trouble::Kind::Waiting};
}

std::optional<sql::Notice> warning_of_trouble(const SqlParts& parts,
                                              const MaterializedTable& kept) {
  const auto trouble = parts.supervisor.trouble_of(kept.query_id());
  if (!trouble) return std::nullopt;
  return sql::Notice{sql::NoticeLevel::Warning,
                     fmt::format("table {} is not up to date: its query {} has failed",
                                 kept.table->name, kept.query_id()),
                     trouble->message, trouble->hint};
}

std::optional<sql::Notice> warning_of_late_records(SqlSession& session,
                                                   const MaterializedTable& kept) {
  // A warning needs at least one late record in a hundred: a smaller share is normal for live data.
  constexpr uint64_t kShareOfRecords = 100;
  const SqlParts& parts = session.parts();
  if (!kept.table->window || parts.settings.engine.ksqldb_compat) return std::nullopt;
  const auto progress = parts.queries.progress().find(kept.query_id());
  if (!progress) return std::nullopt;
  const auto [late, read] = progress->late_records();
  if (late == 0 || late < read / kShareOfRecords ||
      !session.may_warn_of_late_records(kept.query_id()))
    return std::nullopt;
  return sql::Notice{
      sql::NoticeLevel::Warning,
      fmt::format("{} of {} records were late and are missing in table {}", late, read,
                  engine::display_name(kept.table->name)),
      "They arrived after the ends of their windows, by the times of the records before them.",
      "Load records in the order of their times, or create the table with a longer GRACE PERIOD in "
      "its WINDOW. SHOW QUERIES counts late records."};
}

}  // namespace server
