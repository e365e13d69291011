#include <fmt/format.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

#include "engine/catalog/visible_names.h"
#include "engine/plan/view_target.h"
#include "engine/types/ascii.h"
#include "server/metadata/name_hints.h"
#include "server/sql/execution.h"
#include "server/sql/read/catching_up.h"
#include "server/tasks/query_tasks.h"

namespace server {

namespace {

// REFRESH MATERIALIZED VIEW: waits until the view shows everything that was acknowledged before the statement. Fails with
// the error of the view if it cannot be computed.
class RefreshExecution final : public SqlExecution {
 public:
  RefreshExecution(SqlSession& session, sql::Receiver& receiver, MetadataImagePtr image,
                   DefinedQueryPtr query)
      : SqlExecution(session, receiver), image_(std::move(image)), query_(std::move(query)) {}

  void begin() {
    catching_up_.emplace(session(), image_, "table",
                         std::vector{CatchingUp::Made{query_->query->sink, query_}});
    catching_up_->begin([this](Status caught_up) {
      if (!caught_up) return receiver().on_error(std::move(caught_up).error());
      ask_state();
    });
  }

 private:
  void ask_state() {
    const std::vector<Shard*> shards = session().parts().queries.shards();
    left_ = shards.size();
    for (Shard* shard : shards)
      shard->post([shard, id = query_->plan->id,
                   answer = on_loop([this](Status status) { take(std::move(status)); })] {
        Status status;
        for (const ShardTask* task : shard->materializers(id))
          if (Status readable = task->view->readable(); !readable) status = std::move(readable);
        answer(std::move(status));
      });
  }
  void take(Status status) {
    if (!status && status_) status_ = std::move(status);
    if (--left_ > 0) return;
    if (!status_) return receiver().on_error(status_.error());
    receiver().on_done({"REFRESH MATERIALIZED VIEW"});
  }

  const MetadataImagePtr image_;
  const DefinedQueryPtr query_;
  std::optional<CatchingUp> catching_up_;
  size_t left_ = 0;  // shards that have not answered
  Status status_;    // the first error of the view
};

}  // namespace

Result<std::unique_ptr<sql::Execution>> run_refresh(SqlSession& session, sql::Receiver& receiver,
                                                    const engine::RefreshView& refresh) {
  MetadataImagePtr image = session.parts().definitions.image();
  const std::string& name = refresh.name.name.text;
  const engine::DataSource* source = image->catalog->find_source(name);
  const engine::VisibleNamesInUse visible(visible_to(*image->users, session.asker()));
  if (!source)
    return engine::no_such_relation(refresh.name.name, refresh.name.position,
                                    engine::ViewChange::Alter, *image->catalog);
  if (!image->catalog->is_view(*source))
    return Error{ErrorCode::WrongObjectType,
                 fmt::format("\"{}\" is not a materialized view", engine::display_name(name)),
                 {},
                 source->created_by.empty()
                     ? ""
                     : "The result of CREATE ... AS SELECT is kept up to date all the time."}
        .at(refresh.name.position);
  auto query = image->find_query(source->created_by);
  auto run =
      std::make_unique<RefreshExecution>(session, receiver, std::move(image), std::move(query));
  run->begin();
  return std::unique_ptr<sql::Execution>(std::move(run));
}

}  // namespace server
