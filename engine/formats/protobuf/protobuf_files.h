// Reads Protobuf files with protobuf's own parser. Include this file only in the sources of this folder, so that
// protobuf's headers stay private to the folder.
#pragma once
#include <google/protobuf/descriptor.h>

#include <string>

#include "base/result.h"
#include "engine/formats/schema/schema_text.h"

namespace engine {

// Reads files, and owns the result.
class ProtobufFiles {
 public:
  ProtobufFiles();

  // Adds a file, after all files to which it refers. Fails with InvalidText and LimitExceeded.
  Result<const google::protobuf::FileDescriptor*> add(const SchemaText& schema);

 private:
  Result<const google::protobuf::FileDescriptor*> add(const std::string& name,
                                                      const std::string& text);
  Status add_known(const std::string& name);

  google::protobuf::DescriptorPool pool_;
};

}  // namespace engine
