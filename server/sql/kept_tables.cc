#include "server/sql/kept_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/plan/analysis.h"
#include "server/sql/read_barrier.h"

namespace server {

Result<KeptTable> find_kept_table(const MetadataImage& image,
                                  const std::shared_ptr<const engine::DataSource>& table) {
  if (const DefinedQuery* materializer = image.materializer_of(*table))
    return KeptTable{table, image.find_query(materializer->query->id)};
  return Error{ErrorCode::ObjectState,
               fmt::format("no query keeps the rows of table {}", table->name)};
}

// What is dropped leaves the image first.
NotKept not_kept(SqlParts& parts, const KeptTable& kept) {
  const MetadataImagePtr now = parts.definitions.image();
  const std::string& table = kept.table->name;
  const auto in_a_moment = [](std::string message) {
    return NotKept{{ErrorCode::ObjectState, std::move(message), {}, "Try again in a moment."}, true};
  };
  if (!now->catalog->find_source(table))
    return {{ErrorCode::UndefinedSource,
             fmt::format("table {} was dropped during the look-up", table)}};
  if (!now->find_query(kept.query_id()))
    return in_a_moment(fmt::format("query {}, which kept table {}, was ended during the look-up",
                                   kept.query_id(), table));
  if (now->find_query(kept.query_id())->plan != kept.query->plan)
    return in_a_moment(
        fmt::format("the query that keeps table {} was replaced during the look-up", table));
  const auto trouble = parts.supervisor.trouble_of(kept.query_id());
  if (!trouble)
    return in_a_moment(fmt::format("the query that keeps table {} is starting again", table));
  return {{ErrorCode::ObjectState,
           fmt::format("table {} cannot be read: its query {} does not run", table,
                       kept.query_id()),
           trouble->message, trouble->hint}};
}

std::optional<sql::Notice> warning_of_trouble(const SqlParts& parts, const KeptTable& kept) {
  const auto trouble = parts.supervisor.trouble_of(kept.query_id());
  if (!trouble) return std::nullopt;
  return sql::Notice{sql::NoticeLevel::Warning,
                     fmt::format("table {} is not up to date: its query {} has failed",
                                 kept.table->name, kept.query_id()),
                     trouble->message, trouble->hint};
}

// --- What the session wrote

OwnWrites::OwnWrites(SqlSession& session, sql::Receiver& receiver, MetadataImagePtr image,
                     std::vector<KeptTable> tables)
    : session_(session),
      receiver_(receiver),
      image_(std::move(image)),
      tables_(std::move(tables)) {}

OwnWrites::~OwnWrites() = default;

void OwnWrites::wait(std::function<void()> go_on) {
  const bool has_passed = std::ranges::all_of(
      tables_, [this](const KeptTable& each) { return session_.has_passed(each.query); });
  if (session_.written().empty() || has_passed) return go_on();
  go_on_ = std::move(go_on);
  timer_.emplace(session_.shard().loop(), "waiting reads", [this] { on_timeout(); });
  timer_->start_once(session_.setting_ms("read.wait.ms", session_.parts().settings.read_wait_ms));
  interest_ = std::make_shared<int>();
  std::vector<const DefinedQuery*> queries;
  for (const KeptTable& each : tables_) queries.push_back(each.query.get());
  wait_for_written(session_.parts(), session_.shard(), image_, queries, session_.written(),
                   interest_, [this, interest = std::weak_ptr(interest_)](const Status& status) {
                     if (interest.lock()) passed(status);
                   });
}

void OwnWrites::passed(const Status& status) {
  if (status)
    for (const KeptTable& each : tables_) session_.note_passed(each.query);
  else
    receiver_.on_notice({sql::NoticeLevel::Warning,
                         fmt::format("{} may lack what this session wrote", names()),
                         status.error().message, "SHOW QUERIES tells the state of its query."});
  end();
}

void OwnWrites::on_timeout() {
  receiver_.on_notice({sql::NoticeLevel::Warning,
                       fmt::format("{} {} not yet caught up with what this session wrote", names(),
                                   tables_.size() == 1 ? "has" : "have"),
                       "",
                       "SHOW QUERIES tells how far its query is behind. The setting "
                       "read.wait.ms bounds the waiting."});
  end();
}

void OwnWrites::end() {
  interest_.reset();
  timer_.reset();
  const std::function<void()> go_on = std::exchange(go_on_, nullptr);
  go_on();
}

std::string OwnWrites::names() const {
  std::vector<std::string> names;
  for (const KeptTable& each : tables_)
    if (std::ranges::find(names, each.table->name) == names.end())
      names.push_back(each.table->name);
  return (names.size() == 1 ? "table " : "tables ") + engine::join_words(names, "and");
}

}  // namespace server
