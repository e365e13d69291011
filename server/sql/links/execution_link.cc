#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "engine/query/printed_records.h"
#include "engine/system_tables/entities.h"
#include "server/metadata/link_limits.h"
#include "server/metadata/rights.h"
#include "server/sql/execution.h"
#include "server/sql/links/link_rows.h"

namespace server {

namespace {

Status check_rights(SqlSession& session, const std::string& link) {
  const MetadataImagePtr image = session.parts().definitions.image();
  const auto found = image->links->find(link);
  // For a missing link, only the right to create links is checked here: the node's Links report
  // that the link does not exist.
  if (found == image->links->end()) return check_create_link(*image->users, session.asker());
  return check_use_link(*image->users, session.asker(), link, found->second->owner);
}

// Passes a statement about links to the node's Links, and sends their answer to the receiver.
class LinkExecution final : public SqlExecution {
 public:
  LinkExecution(SqlSession& session, sql::Receiver& receiver,
                std::shared_ptr<const engine::ParsedStatement> statement, InformationForm form)
      : SqlExecution(session, receiver), statement_(std::move(statement)), form_(form) {}

  Status begin() {
    const engine::Statement& statement = statement_->statement;
    if (const auto* create = std::get_if<engine::CreateLink>(&statement))
      return this->create(*create);
    if (const auto* drop = std::get_if<engine::DropLink>(&statement)) return this->drop(*drop);
    if (const auto* describe = std::get_if<engine::DescribeLink>(&statement))
      return this->describe(*describe);
    return show(std::get<engine::Show>(statement));
  }

  void cancel() override {
    if (std::exchange(is_over_, true)) return;
    receiver().on_error({ErrorCode::QueryCanceled, "canceling statement due to user request",
                         "The link may still be created or dropped."});
  }

 private:
  Links& links() { return *session().parts().links; }

  // Returns a callback for an answer of Links: it calls `handle` with a successful answer on the
  // session's loop, and ends the statement after an error.
  template <class T, class F>
  auto answered(F handle) {
    return on_loop([this, handle](Result<T> answer) {
      if (is_over_) return;
      if (!answer) return fail(std::move(answer).error());
      if constexpr (std::is_void_v<T>)
        handle();
      else
        handle(*std::move(answer));
    });
  }

  void fail(Error error) {
    if (std::exchange(is_over_, true)) return;
    if (!error.position) error.position = position_;
    receiver().on_error(std::move(error));
  }
  void finish(std::string_view tag) {
    if (std::exchange(is_over_, true)) return;
    receiver().on_done(sql::Completion{std::string(tag)});
  }
  void skip(std::string_view tag, std::string message) {
    receiver().on_notice({sql::NoticeLevel::Notice, std::move(message) + ", skipping"});
    finish(tag);
  }
  Status check_no_transaction(std::string_view tag) {
    if (!session().in_transaction_of_client()) return {};
    return Error{ErrorCode::ActiveTransaction,
                 fmt::format("{} cannot run inside a transaction block", tag),
                 {},
                 "Send it before BEGIN or after COMMIT: a link cannot be rolled back."};
  }

  Status create(const engine::CreateLink& create) {
    constexpr std::string_view kTag = "CREATE LINK";
    position_ = create.name_position;
    TRY(check_create_link(*session().parts().definitions.image()->users, session().asker()));
    TRY(check_no_transaction(kTag));
    LinkRequest request{.name = create.name.text, .owner = session().asker().value_or("")};
    for (const engine::Property& property : create.properties)
      request.properties[property.written_name] = property.text();
    request.file = create.file;
    request.if_exists = create.or_replace      ? IfLinkExists::Replace
                        : create.if_not_exists ? IfLinkExists::Keep
                                               : IfLinkExists::Fail;
    links().create(
        std::move(request),
        answered<CreatedLink>([this, name = create.name.text, kTag](const CreatedLink& created) {
          if (!created.is_new) return skip(kTag, fmt::format("link {} already exists", name));
          if (created.facts)
            receiver().on_notice({sql::NoticeLevel::Notice,
                                  fmt::format("link {}: {}", name, facts_text(*created.facts))});
          if (!created.ignored.empty()) note_ignored(created.ignored);
          finish(kTag);
        }));
    return {};
  }
  void note_ignored(const std::vector<std::string>& ignored) {
    receiver().on_notice({sql::NoticeLevel::Notice,
                          fmt::format("these properties of the file do not concern links: {}",
                                      fmt::join(ignored, ", "))});
  }

  Status drop(const engine::DropLink& drop) {
    constexpr std::string_view kTag = "DROP LINK";
    position_ = drop.name_position;
    TRY(check_rights(session(), drop.name.text));
    TRY(check_no_transaction(kTag));
    links().drop(drop.name.text, on_loop([this, &drop, kTag](Status dropped) {
                   if (is_over_) return;
                   if (dropped) return finish(kTag);
                   if (drop.if_exists && dropped.error().code == ErrorCode::UndefinedObject)
                     return skip(kTag, fmt::format("link {} does not exist", drop.name.text));
                   fail(std::move(dropped).error());
                 }));
    return {};
  }

  Status describe(const engine::DescribeLink& describe) {
    position_ = describe.name_position;
    TRY(check_rights(session(), describe.name.text));
    links().describe(describe.name.text, answered<LinkInfo>([this](const LinkInfo& link) {
                       send(description_of(link));
                     }));
    return {};
  }

  Status show(const engine::Show& show) {
    if (show.kind == engine::ShowKind::Links) {
      links().list(answered<std::vector<LinkInfo>>([this](std::vector<LinkInfo> all) {
        const MetadataImagePtr image = session().parts().definitions.image();
        std::erase_if(all, [&](const LinkInfo& each) {
          return !check_use_link(*image->users, session().asker(), each.name, each.owner);
        });
        send(rows_of(all));
      }));
      return {};
    }
    position_ = show.link->position;
    TRY(check_rights(session(), show.link->name.text));
    links().topics(show.link->name.text,
                   answered<std::vector<LinkTopic>>([this, &show](const auto& topics) {
                     send(rows_of(topics, show.all, show.pattern));
                   }));
    return {};
  }

  void send(const engine::InformationRows& rows) {
    if (is_over_) return;
    if (form_ == InformationForm::Entity) {
      const std::vector<engine::ColumnPtr> columns = {engine::constant_column(
          engine::TypeKind::String,
          engine::Value::text(engine::rows_entity(rows, statement_->text)), 1)};
      receiver().on_rows(columns, 0, 1);
    } else if (rows.rows > 0) {
      receiver().on_rows(rows.columns, 0, rows.rows);
    }
    finish("SELECT");
  }

  const std::shared_ptr<const engine::ParsedStatement> statement_;
  const InformationForm form_;
  std::optional<TextPosition> position_;
  bool is_over_ = false;
};

// PRINT ... FROM LINK: shows the records of a topic of another cluster as lines of text.
class LinkPrintExecution final : public SqlExecution {
 public:
  LinkPrintExecution(SqlSession& session, sql::Receiver& receiver,
                     std::shared_ptr<const engine::ParsedStatement> statement)
      : SqlExecution(session, receiver),
        statement_(std::move(statement)),
        print_(std::get<engine::Print>(statement_->statement)),
        printer_(session.parts().definitions.schemas()) {}

  Status begin() {
    if (print_.interval.value_or(1) < 1)
      return Error{ErrorCode::InvalidParameter,
                   fmt::format("INTERVAL must be greater than one, but was: {}", *print_.interval)};
    TRY(check_rights(session(), print_.link->name.text));
    reading_ = session().parts().links->read(
        print_.link->name.text, print_.topic.text,
        print_.from_beginning ? Links::From::Beginning : Links::From::End);
    ask();
    return {};
  }

  void resume() override {
    SqlExecution::resume();
    send();
  }

 private:
  void ask() {
    if (is_asking_ || is_over_ || is_paused()) return;
    is_asking_ = true;
    reading_->next(on_loop([this](Result<LinkRecords> records) {
      is_asking_ = false;
      if (is_over_) return;
      if (!records) return fail(std::move(records).error());
      for (std::string& each : records->losses)
        receiver().on_notice({sql::NoticeLevel::Warning, std::move(each)});
      waiting_ = std::move(records->records);
      next_ = 0;
      has_begun_ = true;
      send();
    }));
  }

  // Sends records of `waiting_` as long as the client has room, and requests the next records when
  // all are sent.
  void send() {
    constexpr size_t kPortion = 128;
    while (!is_over_ && next_ < waiting_.size()) {
      const LinkRecord& first = waiting_[next_];
      if (is_paused() ||
          !receiver().has_room(first.key.value_or("").size() + first.value.value_or("").size()))
        return;  // resume() follows
      send_portion(std::min(waiting_.size(), next_ + kPortion));
    }
    if (!is_over_ && is_complete() && has_begun_) return finish();
    ask();
  }
  void send_portion(size_t end) {
    auto lines = std::make_shared<engine::Column>(engine::TypeKind::String);
    for (; next_ < end && !is_complete(); ++next_) {
      if (seen_++ % print_.interval.value_or(1) != 0) continue;
      ++shown_;
      LinkRecord& record = waiting_[next_];
      for (const std::string& line :
           printer_.print({record.key, record.value, record.timestamp_ms, record.partition}))
        lines->append_copy(line);
    }
    if (is_complete()) next_ = waiting_.size();
    if (lines->size() == 0) return;
    const engine::ColumnPtr shown[] = {std::move(lines)};
    receiver().on_rows(shown, 0, shown[0]->size());
  }
  bool is_complete() const { return print_.limit && shown_ >= std::max<int64_t>(*print_.limit, 0); }

  void finish() {
    is_over_ = true;
    receiver().on_notice({sql::NoticeLevel::Notice, "Topic printing ceased"});
    receiver().on_done(sql::Completion{"SELECT"});
  }
  void fail(Error error) {
    is_over_ = true;
    if (!error.position) error.position = print_.link->position;
    receiver().on_error(std::move(error));
  }

  const std::shared_ptr<const engine::ParsedStatement> statement_;
  const engine::Print& print_;
  engine::RecordPrinter printer_;
  std::unique_ptr<LinkReading> reading_;
  std::vector<LinkRecord> waiting_;
  size_t next_ = 0;               // the first record of `waiting_` that was not sent
  int64_t seen_ = 0, shown_ = 0;  // numbers of records
  bool is_asking_ = false, has_begun_ = false, is_over_ = false;
};

}  // namespace

bool shows_links(const engine::Statement& statement) {
  return engine::is_link_statement(statement) &&
         (std::holds_alternative<engine::Show>(statement) ||
          std::holds_alternative<engine::DescribeLink>(statement));
}

Result<std::unique_ptr<sql::Execution>> run_link_statement(
    SqlSession& session, sql::Receiver& receiver,
    std::shared_ptr<const engine::ParsedStatement> statement, InformationForm form) {
  TRY(check_links(session.parts().definitions.facts()));
  if (!session.parts().links) return Error{ErrorCode::NotSupported, "this server has no links"};
  if (std::holds_alternative<engine::Print>(statement->statement)) {
    auto run = std::make_unique<LinkPrintExecution>(session, receiver, std::move(statement));
    TRY(run->begin());
    return std::unique_ptr<sql::Execution>(std::move(run));
  }
  auto run = std::make_unique<LinkExecution>(session, receiver, std::move(statement), form);
  TRY(run->begin());
  return std::unique_ptr<sql::Execution>(std::move(run));
}

}  // namespace server
