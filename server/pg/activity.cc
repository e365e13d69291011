#include "server/pg/activity.h"

#include <algorithm>
#include <utility>

#include "server/pg/messages.h"

namespace server::pg {

namespace {

constexpr int64_t kUsPerMs = 1000;
// The column widths of a printed table depend on its first rows, so the head of the table waits for
// these rows. If no row arrives, the head is sent after this time.
constexpr int64_t kHeaderWaitUs = 200 * kUsPerMs;

void send_notices(SessionContext& context, std::vector<sql::Notice> notices) {
  for (const sql::Notice& notice : notices)
    if (is_wanted(context.settings, notice.level)) context.writer().notice(notice);
}

bool explains(const PreparedStatement& statement) {
  return std::holds_alternative<engine::Explain>(statement.parsed->statement);
}

class PortalActivity final : public Activity {
 public:
  PortalActivity(SessionContext& context, PortalRun run)
      : context_(context),
        run_(std::move(run)),
        delivery_{context.output, context.output_charge, run_.encoder.get(), run_.limit},
        began_us_(context.clock.monotonic_us()),
        timeout_us_(statement_timeout_us()),
        last_row_us_(began_us_) {}
  ~PortalActivity() override { portal().close_delivery(); }
  PortalActivity(const PortalActivity&) = delete;
  PortalActivity& operator=(const PortalActivity&) = delete;

  Result<Progress> advance() override {
    if (!std::exchange(has_begun_, true))
      TRY(begin());
    else
      portal().continue_delivery();
    send_notices(context_, portal().take_notices());
    note_new_rows();
    if (delivery_.is_full()) return finish_full();
    if (portal().is_exhausted()) return finish_exhausted();
    const int64_t now_us = context_.clock.monotonic_us();
    if (timeout_us_ && now_us >= began_us_ + *timeout_us_) TRY(time_out());
    if (portal().expires_us && now_us >= *portal().expires_us) {
      portal().finish_early();
      return finish_exhausted();
    }
    if (const auto wait_end_us = batch_end_us(); wait_end_us && now_us >= *wait_end_us)
      return finish_batch();
    if (header_is_due(now_us)) run_.encoder->append_header(context_.output);
    return Progress::Waiting;
  }

  void cancel(Error reason) override {
    if (is_query())
      portal().stop_with(std::move(reason));
    else
      portal().request_cancel();
  }
  void set_output_full(bool is_full) override { portal().set_output_full(is_full); }
  // The output of commands may not wait, since clients read their notices while the commands run.
  bool output_may_wait() const override {
    const bool may_wait =
        plan().kind == sql::ResultKind::Rows || plan().kind == sql::ResultKind::Insert;
    return may_wait && !portal().waits_for_room();
  }
  bool has_caught_up() const override { return is_push() && portal().has_caught_up(); }

  std::optional<int64_t> deadline_us() const override {
    std::optional<int64_t> earliest = portal().expires_us;
    const auto consider = [&](std::optional<int64_t> time_us) {
      if (time_us) earliest = std::min(earliest.value_or(INT64_MAX), *time_us);
    };
    if (timeout_us_ && !has_timed_out_) consider(began_us_ + *timeout_us_);
    consider(batch_end_us());
    if (run_.encoder && run_.encoder->header_may_wait()) consider(began_us_ + kHeaderWaitUs);
    return earliest;
  }

 private:
  Portal& portal() { return *run_.portal; }
  const Portal& portal() const { return *run_.portal; }
  const sql::Prepared& plan() const { return *portal().statement()->plan; }
  bool is_query() const {
    return plan().kind == sql::ResultKind::Rows || plan().kind == sql::ResultKind::PushRows;
  }
  bool is_push() const { return plan().kind == sql::ResultKind::PushRows; }

  Status begin() {
    // The delivery is opened before the start, so that rows that are available immediately are sent
    // directly, after their description. If the start fails, this output is removed. An INSERT,
    // UPDATE or DELETE has result columns if it has RETURNING.
    const bool has_rows = is_query() || !plan().columns.empty();
    const size_t said = context_.output.size();
    if (!portal().has_started()) {
      const bool may_deliver = plan().kind == sql::ResultKind::Rows;
      if (may_deliver) open_delivery();
      if (Status started = portal().start(*context_.backend); !started) {
        context_.output.resize(said);
        return started;
      }
      const int64_t timeout_ms = context_.settings.get_ms("push.timeout");
      if (is_push() && timeout_ms > 0) portal().expires_us = began_us_ + timeout_ms * kUsPerMs;
      if (may_deliver) return {};
    }
    if (has_rows) open_delivery();
    return {};
  }

  void open_delivery() {
    limit_rows_of_push();
    MessageWriter writer = context_.writer();
    if (run_.start == PortalRun::Start::DescribedRows)
      writer.row_description(plan().columns, portal().formats(),
                             is_push() ? sql::RowsKind::Changes : sql::RowsKind::Rows);
    if (run_.start == PortalRun::Start::CopyOut) {
      writer.copy_out(plan().columns.size(), run_.encoder->format());
      if (!run_.encoder->header_may_wait()) run_.encoder->append_header(context_.output);
    }
    portal().open_delivery(delivery_);
  }

  void limit_rows_of_push() {
    const int64_t max_rows = context_.settings.get_number("push.max_rows");
    if (!is_push() || max_rows <= 0) return;
    const auto max = static_cast<uint64_t>(max_rows);
    const uint64_t left = max - std::min(max, portal().rows_delivered());
    if (delivery_.limit && *delivery_.limit < left) return;
    delivery_.limit = left;
    ends_when_full_ = true;
  }

  void note_new_rows() {
    if (std::exchange(seen_rows_, delivery_.sent) != delivery_.sent)
      last_row_us_ = context_.clock.monotonic_us();
  }

  std::optional<int64_t> statement_timeout_us() const {
    const int64_t timeout_ms = context_.settings.get_ms("statement_timeout");
    if (timeout_ms <= 0) return std::nullopt;
    // A statement_timeout that is set for the whole server must not end push queries, which run
    // until they are cancelled. Only a statement_timeout that is set in the session applies to
    // them.
    if (is_push() && !context_.settings.is_set_in_session("statement_timeout")) return std::nullopt;
    return timeout_ms * kUsPerMs;
  }

  static Error lost_rows() {
    return {ErrorCode::ObjectState, "the cursor cannot be read further",
            "A FETCH from it ended at statement_timeout after it had taken rows.",
            "DECLARE the cursor again. SET push.fetch_timeout = '1s' bounds a FETCH without an "
            "error."};
  }
  static Error timed_out() {
    return {ErrorCode::QueryCanceled, "canceling statement due to statement timeout"};
  }
  Status time_out() {
    if (is_query()) {
      // Clients drop the rows that precede an error. A cursor that survives the error must not continue after these
      // rows as if they had been read.
      if (delivery_.sent > 0) portal().stop_with(lost_rows());
      return timed_out();
    }
    if (!std::exchange(has_timed_out_, true)) portal().request_cancel();
    return {};
  }

  // Returns the time at which a FETCH or a limited Execute of a push query stops waiting for more
  // rows.
  std::optional<int64_t> batch_end_us() const {
    const bool is_fetch = run_.command == "FETCH" || run_.command == "MOVE";  // ALL has no limit
    if (!is_push() || (!run_.limit && !is_fetch)) return std::nullopt;
    const int64_t linger_ms = context_.settings.get_ms("push.linger");
    const int64_t timeout_ms = context_.settings.get_ms("push.fetch_timeout");
    std::optional<int64_t> end_us;
    if (linger_ms > 0 && delivery_.sent > 0) end_us = last_row_us_ + linger_ms * kUsPerMs;
    if (timeout_ms > 0)
      end_us = std::min(end_us.value_or(INT64_MAX), began_us_ + timeout_ms * kUsPerMs);
    return end_us;
  }

  bool header_is_due(int64_t now_us) const {
    return run_.encoder && run_.encoder->header_may_wait() && now_us >= began_us_ + kHeaderWaitUs;
  }

  Result<Progress> finish_full() {
    if (ends_when_full_) {
      portal().finish_early();
      return finish_exhausted();
    }
    return finish_batch();
  }

  Result<Progress> finish_batch() {
    // A FETCH is over if it stops before its portion is full, or if no row was requested.
    const bool is_over = run_.fetch && (!delivery_.is_full() || delivery_.sent == 0);
    if (!run_.can_suspend || is_over) return complete(sql::Completion{"SELECT"});
    if (run_.fetch) run_.fetch->own.rows_sent += delivery_.sent;
    context_.writer().portal_suspended();
    return Progress::Finished;
  }

  Result<Progress> finish_exhausted() {
    // If the query was stopped because of a time limit, its error is only QueryCanceled, so an
    // error that names the limit replaces it.
    const bool was_stopped =
        has_timed_out_ && portal().error() && portal().error()->code == ErrorCode::QueryCanceled;
    if (was_stopped) return timed_out();
    if (portal().error()) return *portal().error();
    if (run_.encoder && run_.encoder->header_may_wait())
      run_.encoder->append_header(context_.output);
    // A cursor with SCROLL may have returned the requested rows before its query has ended.
    return complete(portal().completion().value_or(sql::Completion{"SELECT"}));
  }

  Result<Progress> complete(const sql::Completion& completion) {
    MessageWriter writer = context_.writer();
    if (run_.start == PortalRun::Start::CopyOut) {
      run_.encoder->append_trailer(context_.output);
      writer.copy_done();
    }
    if (run_.fetch) run_.fetch->own.has_ended = true;
    std::string tag = run_.command.empty() ? completion.command : run_.command;
    const bool is_explain = run_.command.empty() && explains(*portal().statement());
    // The tag of a statement with RETURNING has the number of rows that this Execute has sent, like
    // the tag of a query.
    const bool counts_sent = is_query() || (completion.row_count && !plan().columns.empty());
    if (is_explain)
      tag = "EXPLAIN";
    else if (counts_sent)
      tag += " " + std::to_string(delivery_.sent);
    else if (completion.row_count)
      tag += " " + std::to_string(*completion.row_count);
    writer.command_complete(tag);
    return Progress::Finished;
  }

  SessionContext& context_;
  PortalRun run_;
  Delivery delivery_;
  const int64_t began_us_;
  const std::optional<int64_t> timeout_us_;
  int64_t last_row_us_;
  uint64_t seen_rows_ = 0;
  bool has_begun_ = false, has_timed_out_ = false;
  bool ends_when_full_ = false;  // set if push.max_rows is below the client's own limit
};

class EndActivity final : public Activity, private sql::Receiver {
 public:
  enum class End : uint8_t { Commit, Rollback };
  EndActivity(SessionContext& context, End end, std::string tag, std::function<void()> on_event)
      : context_(context), end_(end), tag_(std::move(tag)), on_event_(std::move(on_event)) {}

  Result<Progress> advance() override {
    if (!std::exchange(has_begun_, true)) {
      execution_ = end_ == End::Commit ? context_.backend->commit(*this)
                                       : context_.backend->await_rollback(*this);
      is_done_ |= !execution_ && end_ == End::Rollback;
    }
    send_notices(context_, std::exchange(notices_, {}));
    if (error_) return *error_;
    if (!is_done_) return Progress::Waiting;
    if (!tag_.empty()) context_.writer().command_complete(tag_);
    return Progress::Finished;
  }
  // A commit or rollback that has begun cannot be cancelled, so this call does nothing.
  void cancel(Error) override {}
  bool output_may_wait() const override { return true; }

 private:
  void on_rows(std::span<const engine::ColumnPtr>, size_t, size_t) override {}
  void on_notice(sql::Notice notice) override { notices_.push_back(std::move(notice)); }
  void on_done(sql::Completion) override {
    is_done_ = true;
    on_event_();
  }
  void on_error(Error error) override {
    error_ = std::move(error);
    on_event_();
  }

  SessionContext& context_;
  const End end_;
  const std::string tag_;
  const std::function<void()> on_event_;
  std::unique_ptr<sql::Execution> execution_;
  std::vector<sql::Notice> notices_;
  bool has_begun_ = false, is_done_ = false;
  std::optional<Error> error_;
};

class ErrandActivity final : public Activity {
 public:
  ErrandActivity(SessionContext& context, size_t bytes, sql::SessionBackend::Work work,
                 std::function<void()> on_event)
      : context_(context),
        bytes_(bytes),
        work_(std::move(work)),
        on_event_(std::move(on_event)),
        began_us_(context.clock.monotonic_us()) {}

  Result<Progress> advance() override {
    if (cancelled_) return *cancelled_;
    if (!std::exchange(has_begun_, true)) TRY(begin());
    if (is_done_) return Progress::Finished;
    if (const auto end_us = deadline_us(); end_us && context_.clock.monotonic_us() >= *end_us)
      return Error{ErrorCode::QueryCanceled, "canceling statement due to statement timeout"};
    return Progress::Waiting;
  }
  void cancel(Error reason) override { cancelled_ = std::move(reason); }
  std::optional<int64_t> deadline_us() const override {
    const int64_t timeout_ms = context_.settings.get_ms("statement_timeout");
    if (timeout_ms <= 0) return std::nullopt;
    return began_us_ + timeout_ms * kUsPerMs;
  }

 private:
  Status begin() {
    errand_ = context_.backend->run_aside(bytes_, std::move(work_), [this] {
      is_done_ = true;
      on_event_();
    });
    if (errand_) return {};
    return Error{ErrorCode::TooManyStatements,
                 "too many long statements are queued",
                 {},
                 "Try again in a moment, or send shorter statements. Use COPY for many rows."};
  }

  SessionContext& context_;
  const size_t bytes_;
  sql::SessionBackend::Work work_;
  const std::function<void()> on_event_;
  const int64_t began_us_;
  std::unique_ptr<sql::Errand> errand_;
  bool has_begun_ = false, is_done_ = false;
  std::optional<Error> cancelled_;
};

}  // namespace

MessageWriter SessionContext::writer() { return MessageWriter(output, encoding.get(), form); }

bool is_wanted(const sql::SessionSettings& settings, sql::NoticeLevel level) {
  const std::string least = settings.get("client_min_messages").value_or("notice");
  switch (level) {
    case sql::NoticeLevel::Log:
      return least == "log" || least.starts_with("debug");
    case sql::NoticeLevel::Notice:
      return least != "error" && least != "warning";
    case sql::NoticeLevel::Warning:
      return least != "error";
  }
  return true;
}

std::unique_ptr<Activity> make_errand_activity(SessionContext& context, size_t bytes,
                                               sql::SessionBackend::Work work,
                                               std::function<void()> on_event) {
  return std::make_unique<ErrandActivity>(context, bytes, std::move(work), std::move(on_event));
}
std::unique_ptr<Activity> make_portal_activity(SessionContext& context, PortalRun run) {
  return std::make_unique<PortalActivity>(context, std::move(run));
}
std::unique_ptr<Activity> make_commit_activity(SessionContext& context, std::string tag,
                                               std::function<void()> on_event) {
  return std::make_unique<EndActivity>(context, EndActivity::End::Commit, std::move(tag),
                                       std::move(on_event));
}

std::unique_ptr<Activity> make_rollback_activity(SessionContext& context, std::string tag,
                                                 std::function<void()> on_event) {
  return std::make_unique<EndActivity>(context, EndActivity::End::Rollback, std::move(tag),
                                       std::move(on_event));
}

}  // namespace server::pg
