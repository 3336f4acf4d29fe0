export const DEMO_AGENT_VERSION = '0.1.0';
