#include "server/http/rest/sql_exchange.h"

#include <utility>

#include "server/http/console/audit.h"

namespace server::http {

namespace {

// Reading a body of this size is cheaper than two switches to another thread.
constexpr size_t kMaxBodyOnLoop = 4 * 1024;

}  // namespace

Error too_much_waiting() {
  return {ErrorCode::TooManyStatements, "too many requests are queued", {}, "Try again later."};
}

void log_if_denied(const SqlPages& pages, const ExchangeContext& context, std::string_view user,
                   const Error& error) {
  if (error.code == ErrorCode::InsufficientPrivilege)
    pages.refusals->add(context.clock, context.channel, user, error.message);
}

sql::SessionInfo session_info(const Request& request, const ExchangeContext& context) {
  return {.user = request.user,
          .database = "millrace",
          .application_name = "http",
          .memory = context.memory,
          .has_rights_of_user = request.has_rights_of_user,
          .open_queries = context.open_queries,
          .is_read_only = request.is_read_only,
          .on_change = audit_of(request, context.channel)};
}

// The data that are needed to read a request. The work on another thread owns them, because it may
// outlive the exchange.
struct SqlExchange::Reading {
  std::string body;
  std::string failed_text;
  Result<SqlRequest> request = SqlRequest();
};

SqlExchange::SqlExchange(const SqlPages& pages, Request request, const ExchangeContext& context)
    : pages_(pages),
      context_(context),
      request_(std::move(request)),
      charge_(context.memory, MemoryKind::Statements) {}

SqlExchange::~SqlExchange() = default;

void SqlExchange::run() {
  if (!std::exchange(has_begun_, true)) read();
  if (!statements_) return;
  send_rows();
  pace();
  // The end of a statement is reported last, so that all rows that the client can take now precede
  // it.
  while ((completion_ || error_) && !errand_) {
    execution_.reset();
    is_paused_ = awaits_room_ = false;
    if (const auto failed = std::exchange(error_, std::nullopt)) {
      completion_.reset();
      log_if_denied(pages_, context_, request_.user, *failed);
      on_statement_failed(*failed);
    } else if (const auto done = std::exchange(completion_, std::nullopt)) {
      on_statement_done(*done);
    }
  }
}

Status SqlExchange::open_session() {
  session_ = TRY(
      pages_.backends[context_.shard]->open_session(session_info(request_, context_), settings_));
  return {};
}

void SqlExchange::read() {
  if (const Status opened = open_session(); !opened) return on_request_failed(opened.error(), {});
  reading_ = std::make_shared<Reading>();
  reading_->body = std::move(request_.body);
  if (!charge_.try_resize(3 * reading_->body.size()))
    return on_request_failed(
        context_.memory->refusal("a request of " + format_bytes(reading_->body.size())), {});
  const auto work = [reading = reading_,
                     path = request_.path](const std::atomic<bool>& is_cancelled) {
    reading->request = read_sql_request(reading->body, path, reading->failed_text, &is_cancelled);
  };
  if (reading_->body.size() <= kMaxBodyOnLoop) {
    work(false);
    return finish_reading();
  }
  errand_ = session_->run_aside(reading_->body.size(), work, [this] {
    errand_.reset();
    finish_reading();
    responder().wake();
  });
  if (!errand_) on_request_failed(too_much_waiting(), {});
}

void SqlExchange::finish_reading() {
  const std::shared_ptr<Reading> reading = std::exchange(reading_, nullptr);
  if (!reading->request) return on_request_failed(reading->request.error(), reading->failed_text);
  statements_ = std::move(*reading->request);
  for (const auto& [name, value] : statements_->properties)
    if (const Status known = set(name, value); !known)
      return on_request_failed(known.error(), statements_->text);
  for (const auto& [name, value] : statements_->variables)
    if (const Status kept = settings_.define(name, value); !kept)
      return on_request_failed(kept.error(), statements_->text);
  on_read();
}

Status SqlExchange::set(const std::string& name, const std::string& value) {
  const std::string key = sql::SessionSettings::spelling(name);
  TRY(session_->check_property(key, value));
  return settings_.set(key, value);
}

void SqlExchange::try_all(std::function<void(std::optional<sql::SessionBackend::Rejection>)> then) {
  struct Trial {
    sql::SessionBackend::DryRun run;
    std::optional<sql::SessionBackend::Rejection> rejection;
    bool is_over = false;
  };
  auto trial = std::make_shared<Trial>();
  trial->run = session_->dry_run(statements_->statements);
  auto errand = session_->run_aside(
      statements_->text.size(),
      [trial](const std::atomic<bool>& is_cancelled) {
        trial->rejection = trial->run(is_cancelled);
      },
      [this, trial, then = std::move(then)] {
        errand_.reset();
        trial->is_over = true;
        if (trial->rejection)
          log_if_denied(pages_, context_, request_.user, trial->rejection->error);
        then(std::move(trial->rejection));
        responder().wake();
      });
  if (!errand) on_request_failed(too_much_waiting(), {});
  // If the check has already ended, its callback may have set errand_ to the next work, which must
  // not be replaced.
  if (!trial->is_over) errand_ = std::move(errand);
}

void SqlExchange::begin(std::shared_ptr<const engine::ParsedStatement> statement) {
  notices_.clear();
  if (!session_->takes_long(*statement)) return start(session_->prepare(std::move(statement), {}));
  struct Analysis {
    sql::SessionBackend::Preparation prepare;
    Result<std::shared_ptr<const sql::Prepared>> prepared = nullptr;
  };
  const size_t bytes = statement->text.size();
  auto analysis = std::make_shared<Analysis>();
  analysis->prepare = session_->preparation(std::move(statement), {});
  errand_ = session_->run_aside(
      bytes,
      [analysis](const std::atomic<bool>& is_cancelled) {
        analysis->prepared = analysis->prepare(is_cancelled);
      },
      [this, analysis] {
        errand_.reset();
        start(std::move(analysis->prepared));
        responder().wake();
      });
  if (!errand_) fail_with(too_much_waiting());
}

void SqlExchange::start(Result<std::shared_ptr<const sql::Prepared>> prepared) {
  if (!prepared) return fail_with(std::move(prepared).error());
  if (!on_prepared(**prepared)) return;
  auto started = session_->start(*prepared, {}, *this);
  if (!started) return fail_with(std::move(started).error());
  execution_ = std::move(started).take();
  responder().wake();
}

void SqlExchange::begin_entity(const std::shared_ptr<const engine::ParsedStatement>& statement) {
  notices_.clear();
  execution_ = session_->start_entity(statement, *this);
  if (!execution_ && !error_)
    fail_with({ErrorCode::NotSupported, "this statement is not supported here"});
}

void SqlExchange::stop_statement() {
  errand_.reset();
  execution_.reset();
  completion_.reset();
  error_.reset();
}

void SqlExchange::fail_with(Error error) {
  error_ = std::move(error);
  responder().wake();
}

void SqlExchange::pace() {
  if (!execution_) return;
  const bool is_full = responder().is_full();
  if (is_full && !is_paused_) {
    is_paused_ = true;
    execution_->pause();
  } else if (!is_full && (is_paused_ || awaits_room_)) {
    is_paused_ = awaits_room_ = false;
    execution_->resume();
  }
}

bool SqlExchange::has_room(size_t) {
  if (!responder().is_full()) return true;
  awaits_room_ = true;
  return false;
}

void SqlExchange::on_notice(sql::Notice notice) { notices_.push_back(std::move(notice)); }

void SqlExchange::on_done(sql::Completion completion) {
  completion_ = std::move(completion);
  responder().wake();
}

void SqlExchange::on_error(Error error) { fail_with(std::move(error)); }

}  // namespace server::http
