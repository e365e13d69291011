// What a session does that takes time: sending rows, running a command, committing. One at a time;
// further messages wait until it has finished.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "engine/types/text_forms.h"
#include "server/pg/portal.h"
#include "server/sql/port.h"
#include "server/sql/session_settings.h"

namespace server::pg {

class ClientEncoding;

// What activities share with their session.
struct SessionContext {
  const Clock& clock;
  sql::SessionSettings settings = {};
  std::string output = {};                        // messages that wait to be sent
  std::shared_ptr<ClientEncoding> encoding = {};  // null: texts come and go in UTF-8
  engine::TextForms forms = {};     // in which times come and go as texts
  std::string forms_text = {};      // the settings that say so
  MemoryCharge output_charge = {};  // of rows in them, until they are handed out
  std::unique_ptr<sql::SessionBackend> backend = {};
};

enum class Progress : uint8_t { Waiting, Finished };

class Activity {
 public:
  virtual ~Activity() = default;
  // Called when something may have happened. An error ends it too.
  virtual Result<Progress> advance() = 0;
  // It ends with this error at the next advance(), or as it would have if it is too late for that.
  virtual void cancel(Error reason) = 0;
  virtual void set_output_full(bool /*is_full*/) {}
  // What it and those before it have said is of no use to the client before it has finished.
  virtual bool output_may_wait() const { return false; }
  // The clock's time at which advance() has something to do.
  virtual std::optional<int64_t> deadline_us() const { return std::nullopt; }
};

// How the rows of a portal are sent, and what is said before and after them.
struct PortalRun {
  std::shared_ptr<Portal> portal;       // shared with the session's names: CLOSE may come first
  std::unique_ptr<RowEncoder> encoder;  // null: rows are not sent (MOVE)
  enum class Start : uint8_t { Rows, DescribedRows, CopyOut } start = Start::Rows;
  std::optional<uint64_t> limit = {};
  bool can_suspend = false;  // a full Execute answers PortalSuspended
  std::string command = {};  // of the tag (FETCH, MOVE, COPY); empty: what the backend says
  // Of a FETCH that was bound: it may go on where it was suspended.
  std::shared_ptr<Portal> fetch = {};
};
// Whether client_min_messages lets it pass.
bool is_wanted(const sql::SessionSettings& settings, sql::NoticeLevel level);

std::unique_ptr<Activity> make_portal_activity(SessionContext& context, PortalRun run);

// Waits while `work` is done on another thread; the session goes on when it has finished. `work`
// may outlive the session.
std::unique_ptr<Activity> make_errand_activity(SessionContext& context, size_t bytes,
                                               sql::SessionBackend::Work work,
                                               std::function<void()> on_event);

// Appends what was held back; `tag` is what the client gets, if anything. `on_event` is called when
// there is something to advance for.
std::unique_ptr<Activity> make_commit_activity(SessionContext& context, std::string tag,
                                               std::function<void()> on_event);
// After SessionBackend::rollback(): ends when what it has begun is done.
std::unique_ptr<Activity> make_rollback_activity(SessionContext& context, std::string tag,
                                                 std::function<void()> on_event);

}  // namespace server::pg
