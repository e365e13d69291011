#include "server/pg/table_listener.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/sql/parse.h"
#include "engine/types/ascii.h"
#include "engine/types/text_json.h"
#include "server/pg/statement_kinds.h"

namespace server::pg {

namespace {

constexpr const char* kWhereToBegin = "auto.offset.reset";

// Returns the name as a client would type it: unquoted if it is in lower case, otherwise quoted.
std::string as_identifier(std::string_view name) {
  const bool is_plain = std::ranges::all_of(name, [](char letter) {
    return engine::is_ascii_digit(letter) || letter == '_' || (letter >= 'a' && letter <= 'z');
  });
  if (is_plain && !name.empty() && !engine::is_ascii_digit(name.front())) return std::string(name);
  std::string quoted = "\"";
  for (const char letter : name)
    quoted += letter == '"' ? std::string("\"\"") : std::string(1, letter);
  return quoted + '"';
}

// Sets auto.offset.reset to `latest` while it lives, so that only new records of a stream are read,
// whatever the session has set for its own queries.
class FromNowOn {
 public:
  explicit FromNowOn(sql::SessionSettings& settings)
      : settings_(settings), before_(settings.get(kWhereToBegin)) {
    [[maybe_unused]] const Status set = settings_.set(kWhereToBegin, "latest");
  }
  ~FromNowOn() {
    [[maybe_unused]] const Status put_back =
        before_ ? settings_.set(kWhereToBegin, *before_) : settings_.reset(kWhereToBegin);
  }
  FromNowOn(const FromNowOn&) = delete;
  FromNowOn& operator=(const FromNowOn&) = delete;

 private:
  sql::SessionSettings& settings_;
  const std::optional<std::string> before_;
};

}  // namespace

Result<std::unique_ptr<TableListener>> TableListener::begin(SessionContext& context,
                                                            const std::string& channel,
                                                            std::function<void()> wake) {
  const std::string_view table = std::string_view(channel).substr(kPrefix.size());
  auto statements =
      TRY(parse_statements(fmt::format("SELECT * FROM {} EMIT CHANGES;", as_identifier(table))));
  const auto statement =
      std::make_shared<const engine::ParsedStatement>(std::move(statements.front()));
  const FromNowOn from_now_on(context.settings);
  auto plan = context.backend->prepare(statement, {});
  if (!plan) {
    plan.error().position.reset();  // the position refers to a generated text
    return std::move(plan).error();
  }
  std::unique_ptr<TableListener> listener(new TableListener(std::move(wake)));
  auto started = TRY(context.backend->start(*plan, {}, *listener));
  if (!listener->end_reason_) listener->execution_ = std::move(started);
  return listener;
}

std::optional<std::string> TableListener::take() {
  if (const uint64_t rows = std::exchange(changed_rows_, 0))
    return fmt::format("{{\"rows\":{}}}", rows);
  if (!end_reason_ || has_ended_) return std::nullopt;
  has_ended_ = true;
  execution_.reset();
  std::string json = "{\"ended\":";
  engine::append_json_string(json, *end_reason_);
  return json + '}';
}

void TableListener::on_rows(std::span<const engine::ColumnPtr>, size_t first_row, size_t end_row) {
  if (changed_rows_ == 0) wake_();
  changed_rows_ += end_row - first_row;
}

void TableListener::on_notice(sql::Notice) {}
void TableListener::on_done(sql::Completion) { end("the query that followed it has ended"); }
void TableListener::on_error(Error error) { end(std::move(error.message)); }

void TableListener::end(std::string reason) {
  if (end_reason_) return;
  end_reason_ = std::move(reason);
  wake_();
}

}  // namespace server::pg
