#include "server/connect/s3/s3_connectors.h"

#include <fmt/format.h>

#include "engine/connect/s3/s3_sink_properties.h"
#include "engine/connect/transforms/routed_topics.h"
#include "server/connect/s3/s3_client.h"
#include "server/connect/s3/s3_writer.h"

namespace server {

std::vector<engine::PropertyRow> S3Connectors::rows(const engine::ConnectorClass& of) const {
  return engine::s3_sink_rows(of);
}

std::vector<engine::WrongProperty> S3Connectors::check(const engine::ConnectorClass& of,
                                                       const engine::PropertyValues& values) const {
  auto read = engine::read_s3_sink(of, values);
  engine::check_routes_of_objects(values, forms(of, values), read.sink.topics, read.wrong);
  return std::move(read.wrong);
}

engine::RecordForms S3Connectors::forms(const engine::ConnectorClass& of,
                                        const engine::PropertyValues& values) const {
  return engine::s3_forms(of, values);
}

std::string_view S3Connectors::guarantee(const engine::ConnectorClass&) const {
  return "exactly once, in the order of each partition";
}

Result<SourcePlan> S3Connectors::plan_source(const engine::ConnectorClass& of,
                                             const engine::PropertyValues&,
                                             const ConnectorOwner&) const {
  return engine::class_is_not_built_in(of.name, false);
}

Result<std::unique_ptr<SourceReader>> S3Connectors::open_source(const engine::ConnectorClass& of,
                                                                const engine::PropertyValues&,
                                                                engine::RowColumns,
                                                                const ConnectorOwner&) const {
  return engine::class_is_not_built_in(of.name, false);
}

SinkPlan S3Connectors::plan_sink(const engine::ConnectorClass& of,
                                 const engine::PropertyValues& values) const {
  const engine::S3Sink sink = engine::read_s3_sink(of, values).sink;
  SinkPlan plan;
  plan.topics = sink.topics;
  plan.limits = sink.limits;
  for (const std::string& topic : sink.topics)
    plan.places.push_back(fmt::format("{}/{}/{}/{}", sink.bucket.endpoint, sink.bucket.name,
                                      sink.topics_dir,
                                      engine::routed_topic(values, forms(of, values), topic)));
  return plan;
}

Status S3Connectors::check_sink(const engine::ConnectorClass& of,
                                const engine::PropertyValues& values,
                                const ConnectorOwner& owner) const {
  if (!values.flag("validate")) return {};
  engine::S3Bucket bucket = engine::read_s3_sink(of, values).sink.bucket;
  bucket.retries = 0;  // the client of CREATE CONNECTOR waits
  S3Client client(std::move(bucket), owner.may_reach_private_addresses, clock_,
                  {[](int64_t) { return true; }, [](const Error&) {}});
  return client.check_bucket();
}

Result<std::unique_ptr<SinkWriter>> S3Connectors::open_sink(const engine::ConnectorClass& of,
                                                            const engine::PropertyValues& values,
                                                            const ConnectorOwner& owner) const {
  auto read = engine::read_s3_sink(of, values);
  if (!read.wrong.empty()) return Error{ErrorCode::InvalidParameter, read.wrong.front().message};
  return std::unique_ptr<SinkWriter>(
      std::make_unique<S3Writer>(std::move(read.sink), owner.may_reach_private_addresses, clock_));
}

}  // namespace server
