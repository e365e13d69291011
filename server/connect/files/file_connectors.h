// The connectors of files: class "file" and the Java classes with the same purpose.
#pragma once
#include <memory>
#include <string>

#include "base/clock.h"
#include "engine/connect/file_properties.h"
#include "server/connect/family.h"
#include "server/connect/files/folder.h"

namespace server {

// Threads: any. Owner: the node.
class FileConnectors final : public ConnectorFamily {
 public:
  // `directory` is the value of --connect-files; all paths must be below it. If it is empty, file
  // connectors are switched off.
  FileConnectors(std::string directory, const Clock& clock)
      : directory_(std::move(directory)), clock_(clock) {}

  std::string_view name() const override { return "file"; }
  std::vector<engine::PropertyRow> rows(const engine::ConnectorClass& of) const override;
  std::vector<engine::WrongProperty> check(const engine::ConnectorClass& of,
                                           const engine::PropertyValues& values) const override;
  engine::RecordForms forms(const engine::ConnectorClass& of,
                            const engine::PropertyValues& values) const override {
    return engine::file_forms(of, values);
  }
  std::string_view guarantee(const engine::ConnectorClass& of) const override;
  Result<SourcePlan> plan_source(const engine::ConnectorClass& of,
                                 const engine::PropertyValues& values,
                                 const ConnectorOwner& owner) const override;
  Result<std::unique_ptr<SourceReader>> open_source(const engine::ConnectorClass& of,
                                                    const engine::PropertyValues& values,
                                                    engine::RowColumns columns,
                                                    const ConnectorOwner& owner) const override;
  SinkPlan plan_sink(const engine::ConnectorClass& of,
                     const engine::PropertyValues& values) const override;
  Status check_sink(const engine::ConnectorClass& of, const engine::PropertyValues& values,
                    const ConnectorOwner& owner) const override;
  Result<std::unique_ptr<SinkWriter>> open_sink(const engine::ConnectorClass& of,
                                                const engine::PropertyValues& values,
                                                const ConnectorOwner& owner) const override;

 private:
  Result<std::unique_ptr<Folder>> folder() const;
  // Returns the path in a normal form, relative to --connect-files and without "." and "//".
  std::string plain_path(const std::string& path) const;

  const std::string directory_;
  const Clock& clock_;
};

}  // namespace server
