// The work of a session that takes time: sending rows, running a command, committing. A session has
// one activity at a time; further messages wait until it has finished.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "engine/types/text_forms.h"
#include "server/pg/portal.h"
#include "server/sql/port.h"
#include "server/sql/script.h"
#include "server/sql/session_settings.h"

namespace server::pg {

class ClientEncoding;
class MessageWriter;

// The state that activities share with their session.
struct SessionContext {
  const Clock& clock;
  sql::SessionSettings settings = {};
  std::string output = {};                        // messages that wait to be sent
  std::shared_ptr<ClientEncoding> encoding = {};  // null: texts are UTF-8
  // how dates, times and intervals are written as text
  engine::TextForms forms = {};
  // the settings that `forms` was made from
  std::string forms_text = {};
  // The memory charge for rows in `output`, until the connection takes over `output`.
  MemoryCharge output_charge = {};
  std::unique_ptr<sql::SessionBackend> backend = {};
  // Formats the answers for a client that does not use this protocol (POST /sql); null: answers are
  // messages. It outlives the session.
  sql::AnswerForm* form = nullptr;

  MessageWriter writer();
};

enum class Progress : uint8_t { Waiting, Finished };

class Activity {
 public:
  virtual ~Activity() = default;
  // Does the work that is possible now. Called after each event that may allow further work. An
  // error also ends the activity.
  virtual Result<Progress> advance() = 0;
  // Makes the next advance() end with this error. Has no effect if the activity cannot be cancelled
  // any longer.
  virtual void cancel(Error reason) = 0;
  virtual void set_output_full(bool /*is_full*/) {}
  // Returns whether the output that was produced so far may be held back, because the client cannot
  // use it before the activity has finished.
  virtual bool output_may_wait() const { return false; }
  // Returns whether a push query had sent all records that existed when its task last ran.
  virtual bool has_caught_up() const { return false; }
  // Returns the time (monotonic clock) at which advance() has to be called.
  virtual std::optional<int64_t> deadline_us() const { return std::nullopt; }
};

// How the rows of a portal are sent, and which messages precede and follow them.
struct PortalRun {
  std::shared_ptr<Portal> portal;       // shared with the session, whose CLOSE may come first
  std::unique_ptr<RowEncoder> encoder;  // null: rows are not sent (MOVE)
  enum class Start : uint8_t { Rows, DescribedRows, CopyOut } start = Start::Rows;
  std::optional<uint64_t> limit = {};
  bool can_suspend = false;  // an Execute that reaches its limit answers PortalSuspended
  std::string command = {};  // command in the tag (FETCH, MOVE, COPY); empty: the backend's tag
  // The portal that executes this FETCH, in the extended protocol. It may continue after
  // PortalSuspended.
  std::shared_ptr<Portal> fetch = {};
};
// Whether client_min_messages lets notices of this level pass.
bool is_wanted(const sql::SessionSettings& settings, sql::NoticeLevel level);

std::unique_ptr<Activity> make_portal_activity(SessionContext& context, PortalRun run);

// Runs `work` on another thread; the session continues when the work has finished. `work` may
// outlive the session.
std::unique_ptr<Activity> make_errand_activity(SessionContext& context, size_t bytes,
                                               sql::SessionBackend::Work work,
                                               std::function<void()> on_event);

// Commits: appends the rows that the session has collected for its transaction. `tag` is sent to
// the client afterwards, unless it is empty. `on_event` is called when advance() has something to
// do.
std::unique_ptr<Activity> make_commit_activity(SessionContext& context, std::string tag,
                                               std::function<void()> on_event);
// Waits for the end of an undo that SessionBackend::rollback() has begun.
std::unique_ptr<Activity> make_rollback_activity(SessionContext& context, std::string tag,
                                                 std::function<void()> on_event);

}  // namespace server::pg
