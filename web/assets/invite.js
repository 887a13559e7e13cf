// An invite in the page's address. It stands behind the "#", and so in no request and no log.

/** The code of the invite that the address names, or null. */
export function invited() {
  return /^#invite=([A-Za-z0-9]+)$/.exec(location.hash)?.[1] ?? null;
}

/** The address that invites. */
export function inviteLink(code) {
  return `${location.origin}${location.pathname}#invite=${code}`;
}

/** Takes the invite out of the address, once it was used or is not wanted. */
export function forgetInvite() {
  if (invited()) history.replaceState(null, "", location.pathname);
}
