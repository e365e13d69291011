// The properties of a link: their references to secrets, and the settings of the client that they describe.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "server/connect/secrets.h"
#include "server/kafka_client/client_settings.h"

namespace server {

using LinkProperties = std::map<std::string, std::string>;

// Fails with InvalidParameter if the property of a secret contains the secret itself and not a
// reference to it: definitions are stored and copied to backups.
Status check_no_literal_secrets(const LinkProperties& properties);

// Reads the files and secrets to which the properties refer, and then the settings. `link` is the default of client.id.
// Fails like parse_client_settings() and resolve_secrets().
Result<kafka_client::ClientSettings> read_link_settings(const std::string& link,
                                                        const LinkProperties& properties,
                                                        const SecretSettings& secrets);

struct FileProperties {
  LinkProperties properties;  // each value is a reference to the file
  std::vector<std::string> ignored;
};
// Returns the properties of a link that is described by a properties file of a Kafka client below --secrets-dir.
Result<FileProperties> properties_of_file(const std::string& file, const SecretSettings& secrets);

// Returns the properties as SHOW and DESCRIBE show them.
LinkProperties shown_properties(const LinkProperties& properties);

// Checks the name of a new link. Fails with InvalidParameter.
Status check_link_name(const std::string& name);

}  // namespace server
