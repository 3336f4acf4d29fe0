/** What agents are told about who speaks to them. */
export const CLIENT_VERSION = '0.1.0';
