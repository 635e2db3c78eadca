// `consilium-client left`: what left the building, read from the site's own journal.
//
// Works while the daemon runs and changes nothing. One line per update that was recorded before it
// was sent, oldest first, with what became of it: from the journal that grows and from the files
// kept aside.
#ifndef CONSILIUM_CLIENT_APP_LEFT_VERB_H_
#define CONSILIUM_CLIENT_APP_LEFT_VERB_H_

#include <string>

#include "absl/status/statusor.h"
#include "common/base/storage.h"

namespace consilium::client::app {

// A table, or with `json` one envelope that also names every vector of every update. Empty list
// when there is no journal yet. kJournalCorrupt, kFormatVersion.
absl::StatusOr<std::string> ListWhatLeft(const Storage& storage, const std::string& folder,
                                         bool json);

}  // namespace consilium::client::app

#endif  // CONSILIUM_CLIENT_APP_LEFT_VERB_H_
