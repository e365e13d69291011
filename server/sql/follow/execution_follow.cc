// SELECT ... EMIT CHANGES over a table of millrace_catalog.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include "server/sql/execution.h"
#include "server/sql/follow/surveys.h"

namespace server {

namespace {

// Shows the rows of a followed statement as of the first survey (surveys.h), and then the changes
// that each later survey finds.
class FollowExecution final : public SqlExecution {
 public:
  FollowExecution(SqlSession& session, sql::Receiver& receiver, std::optional<uint64_t> most)
      : SqlExecution(session, receiver), rows_left_(most.value_or(UINT64_MAX)) {}

  Status begin(const std::string& text, FollowedSelect select) {
    follower_ = TRY(session().parts().surveys->follow(text, std::move(select), reader_of(session()),
                                                      on_loop([this] { show(); })));
    // Shows the rows immediately if they are known: other clients may already follow the same
    // statement.
    on_loop([this] { show(); })();
    return {};
  }
  void resume() override {
    SqlExecution::resume();
    show();
  }
  bool has_caught_up() const override {
    return !is_over_ && seen_ > 0 && seen_ == follower_->statement().version();
  }

 private:
  void show() {
    constexpr size_t kPortionRows = 512;
    if (is_over_ || is_paused() || is_rest_posted_) return;
    if (Status there = session().check_asker(); !there) return fail(std::move(there).error());
    if (rows_left_ == 0) return finish();
    if (!changes_) {
      auto changes = follower_->statement().since(seen_);
      if (!changes) return fail(std::move(changes).error());
      if (!*changes) return;
      changes_ = *std::move(changes);
      shown_ = 0;
    }
    while (shown_ < changes_->rows) {
      if (!receiver().has_room(0)) return;
      const size_t left =
          static_cast<size_t>(std::min<uint64_t>(changes_->rows - shown_, rows_left_));
      const size_t end = shown_ + std::min(left, kPortionRows);
      receiver().on_changes(changes_->columns, shown_, end, changes_->present);
      rows_left_ -= end - shown_;
      shown_ = end;
      if (rows_left_ == 0) return finish();
      if (shown_ == changes_->rows) break;
      is_rest_posted_ = true;  // the loop serves other work before the next portion
      return on_loop([this] {
        is_rest_posted_ = false;
        show();
      })();
    }
    seen_ = changes_->until;
    changes_.reset();
    show();  // the rows may have changed again while these were sent
  }
  void finish() {
    is_over_ = true;
    follower_.reset();
    receiver().on_done({"SELECT"});
  }
  void fail(Error error) {
    is_over_ = true;
    follower_.reset();
    receiver().on_error(std::move(error));
  }

  std::unique_ptr<Surveys::Follower> follower_;  // null when the statement is over
  FollowedRows::Version seen_ = 0;
  FollowedRows::ChangesPtr changes_;  // set while the changes are sent
  size_t shown_ = 0;                  // number of rows of `changes_` that have been sent
  uint64_t rows_left_;                // rows that the LIMIT still allows
  bool is_over_ = false, is_rest_posted_ = false;
};

}  // namespace

Result<std::unique_ptr<sql::Execution>> run_follow(SqlSession& session, sql::Receiver& receiver,
                                                   const SqlPrepared& prepared,
                                                   FollowedSelect select) {
  // The text does not contain the values of parameters, so the rows of a statement with parameters are not shared
  // with other followers.
  static std::atomic<uint64_t> last_own = 0;
  std::string text = prepared.statement->text;
  if (!prepared.parameters.empty()) text += fmt::format(" -- {}", ++last_own);
  auto run = std::make_unique<FollowExecution>(session, receiver, select.most);
  TRY(run->begin(text, std::move(select)));
  return std::unique_ptr<sql::Execution>(std::move(run));
}

}  // namespace server
